"""Connected components on Spark: by the driver where the graph is small, else by large-star and small-star.

Kiveris, Lattanzi, Mirrokni, Rastogi and Vassilvitskii, "Connected Components in MapReduce and Beyond" (SoCC 2014), who
also let one machine finish what fits it.  Both steps are a minimum by node and a join, which Spark splits where a node
has very many edges; no step holds the neighbours of a node in one place.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

import numpy as np
import pyarrow as pa

from dedup.sketch.pairs import renumbered

if TYPE_CHECKING:
    from pyspark.sql import DataFrame

#: Rounds after which something is wrong: the number needed grows with the logarithm of the longest path, squared.
_MOST_ROUNDS = 60


def connected_components(
    edges: DataFrame, *, settle: Callable[[DataFrame, str], DataFrame], gathered: int
) -> DataFrame:
    """Label every node that has an edge with the least node of its component.

    Parameters
    ----------
    edges : DataFrame
        Columns ``a``, ``b`` (long); undirected, loops are passed over.
    settle : callable
        ``settle(frame, name)`` stores a frame where the loss of an executor cannot reach it, and
        returns it read back.
    gathered : int
        Edges up to which the graph is brought to the driver.

    Returns
    -------
    DataFrame
        Columns ``node``, ``component`` (long), one row a node; sent whole to whoever joins it where it was gathered.
    """
    from pyspark.sql import functions as f

    proper = edges.where("a <> b").select(f.greatest("a", "b").alias("u"), f.least("a", "b").alias("v"))
    few = proper.limit(gathered + 1).toArrow()
    if few.num_rows <= gathered:
        return f.broadcast(edges.sparkSession.createDataFrame(_labelled(few)))
    current = settle(proper.distinct(), "star-0")
    for number in range(1, _MOST_ROUNDS):
        following = settle(_small_star(_large_star(current)), f"star-{number}")
        if following.count() == current.count() and following.exceptAll(current).isEmpty():
            roots = current.select(f.col("v").alias("node"), f.col("v").alias("component")).distinct()
            return current.select(f.col("u").alias("node"), f.col("v").alias("component")).union(roots)
        current = following
    raise RuntimeError(f"components did not settle in {_MOST_ROUNDS} rounds")


def _labelled(edges: pa.Table) -> pa.Table:
    """Columns ``node``, ``component`` of the graph of the edges ``u``, ``v``."""
    from scipy.sparse import coo_array
    from scipy.sparse.csgraph import connected_components as components

    nodes, u, v = renumbered(edges.column("u").to_numpy(), edges.column("v").to_numpy())
    _, labels = components(coo_array((np.ones(u.size, bool), (u, v)), (nodes.size, nodes.size)), directed=False)
    least = np.full(nodes.size, np.iinfo(np.int64).max)
    np.minimum.at(least, labels, nodes)
    return pa.table({"node": nodes, "component": least[labels]})


def _large_star(edges: DataFrame) -> DataFrame:
    """Connect every larger neighbour of a node to the least node around it."""
    from pyspark.sql import functions as f

    both = edges.select("u", "v").union(edges.select(f.col("v").alias("u"), f.col("u").alias("v")))
    least = both.groupBy("u").agg(f.min("v").alias("m")).select("u", f.least("u", "m").alias("m"))
    return both.join(least, "u").where("v > u").select(f.col("v").alias("u"), f.col("m").alias("v")).distinct()


def _small_star(edges: DataFrame) -> DataFrame:
    """Connect every smaller neighbour of a node, and the node, to the least of them; edges point down (u > v)."""
    from pyspark.sql import functions as f

    least = edges.groupBy("u").agg(f.min("v").alias("m"))
    moved = edges.join(least, "u").where("v <> m").select(f.col("v").alias("u"), f.col("m").alias("v"))
    return moved.union(least.select("u", f.col("m").alias("v"))).distinct()
