"""Everything that knows Redis: key layout, Lua scripts, connections, the embedded server.

The store holds no decision: it admits articles, keeps the order in which they wait, commits
what the holder of a lease decided, and answers questions.

=================  ===========================================================
``keys``           every key, its type, what it holds
``records``        how values are laid out in bytes
``scripts``        the Lua scripts, typed
``connection``     synchronous and asynchronous connections, retries, errors
``embedded``       the server of ``embedded:PATH``
``checks``         what is verified before a store is used
``lease``          the fenced lease and the commits under it
``index``          the LSH index, as its one writer holds it
``index_pages``    the LSH index as it lies in the store, and look-ups in it
``draft``          changes to groups and stories, made as one step
``seen``           what a draft has read, each thing once
``reading``        plans that answer questions
``feed``           the change feed
``deadletters``    messages that could not be processed
``meters``         totals and latencies, for Prometheus
``access``         API keys, sessions, rate limits
``snapshot``       the whole state at one moment, for an export
``fill``           an empty store filled from an export
``expiry``         what is dropped when its time has come
=================  ===========================================================
"""
