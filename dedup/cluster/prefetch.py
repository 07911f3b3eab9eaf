"""Asking for memory before it is needed: articles that are compared lie anywhere in arrays larger than any cache.

A read that waits for memory takes a hundred times one that does not; asked for while another pair is compared, it does
not wait.  (Chen, Gibbons and Mowry, "Improving hash join performance through prefetching", 2004.)
"""

from __future__ import annotations

from typing import Any

from llvmlite import ir
from numba.core import types
from numba.extending import intrinsic

from dedup.text.compiled import inlined

#: Entries of a cache line of 64 bytes: of four bytes each, of one.
_WORDS, _BYTES = 16, 64


def _fetch(typing: Any, array: Any, place: Any) -> Any:
    """Ask for the cache line of the entry at ``place`` of a contiguous array, counted over all its axes."""

    def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        data = context.make_array(signature.args[0])(context, builder, arguments[0]).data
        byte, word = ir.IntType(8).as_pointer(), ir.IntType(32)
        address = builder.bitcast(builder.gep(data, [arguments[1]]), byte)
        asked = ir.FunctionType(ir.VoidType(), [byte, word, word, word])
        # To be read, soon and again, as data.
        builder.call(
            builder.module.declare_intrinsic("llvm.prefetch", [byte], asked), [address, word(0), word(3), word(1)]
        )
        return context.get_dummy_value()

    return types.void(array, types.intp), generate


#: Its call in a kernel is that one machine instruction.
fetch: Any = intrinsic(_fetch)


@inlined
def expect(p: Any, j: Any) -> None:
    """Ask for what is known of article ``j`` but its terms and anchors; where these lie is among it."""
    fetch(p.term_offsets, j)
    fetch(p.anchor_offsets, j)
    fetch(p.norms, p.norms.shape[1] * j)
    fetch(p.anchor_sums, p.anchor_sums.shape[1] * j)
    fetch(p.log_length, j)
    fetch(p.published, j)
    fetch(p.titled, j)


@inlined
def expect_terms(p: Any, j: Any) -> None:
    """Ask for the terms and anchors of article ``j``."""
    first, end = p.term_offsets[j], p.term_offsets[j + 1]
    for k in range(first, end, _WORDS):
        fetch(p.term_hash, k)
    for k in range(first, end, _BYTES):
        fetch(p.term_bits, k)
    first, end = p.anchor_offsets[j], p.anchor_offsets[j + 1]
    for k in range(first, end, _WORDS):
        fetch(p.anchor_key, k)
    fetch(p.anchor_weight, first)
