/*
 * Every setting of every process. Kinds and meaning of the columns: proto/base/settings.h.
 * SETTING_x(member, key, default[, min, max], what it is and when to change it)
 */
/* clang-format off */
#define KIB 1024LL
#define MIB (1024LL * 1024)
#define GIB (1024LL * 1024 * 1024)

SETTING_TEXT(log_level, "log.level", "info", "debug, info, warn or error")
SETTING_TEXT(pidfile, "pidfile", "", "file to write the process id to once started; empty: none")

SETTING_SIZE(buffers_budget, "buffers.budget", 64 * MIB, 16 * MIB, 64 * GIB, "payload bytes a process may hold at once")

SETTING_TEXT(database_url, "database.url", "", "libpq connection string or URI of the PostgreSQL database")
SETTING_INT(database_pool, "database.pool", 6, 1, 500, "connections to PostgreSQL a process opens at most")
SETTING_BOOL(database_pooled, "database.pooled", false, "a transaction-pooling pgbouncer stands before PostgreSQL")
SETTING_TIME(database_timeout, "database.timeout", 5000, 100, 600000, "longest wait for an answer of PostgreSQL")
SETTING_TIME(database_connect_timeout, "database.connect_timeout", 3000, 100, 60000, "longest wait for a new connection to PostgreSQL")

SETTING_INT(cluster_replicas, "cluster.replicas", 0, 0, 8, "copies of each chunk; 0: three, or as many as there are daemons")
SETTING_TEXT(cluster_daemons, "cluster.daemons", "", "names of the storage daemons, separated by commas, that must have announced themselves before the first map is written")

SETTING_TEXT(keeper_bind, "keeper.bind", "127.0.0.1:0", "address and port where storage daemons announce themselves")
SETTING_TEXT(keeper_announce, "keeper.announce", "", "keepers to which a storage daemon announces itself: addr:port, separated by commas")
SETTING_TEXT(keeper_private, "keeper.private", "127.0.0.1:0", "address and port of the keeper's private listener")

SETTING_INT(keeper_reconcile_tasks, "keeper.reconcile_tasks", 4, 1, 64, "comparisons and repairs a keeper does at the same time")
SETTING_INT(keeper_reconcile_rate, "keeper.reconcile_rate", 200, 1, 100000, "partitions a keeper compares in a second at most")
SETTING_TIME(keeper_compare_interval, "keeper.compare_interval", 604800000, 1000, 31536000000, "each partition is compared at least so often")
SETTING_TIME(keeper_trash_window, "keeper.trash_window", 86400000, 0, 31536000000, "time between the end of a blob's last use and the deletion of its bytes")
SETTING_TIME(keeper_restore_window, "keeper.restore_window", 2592000000, 0, 31536000000, "time in which deleted manifests can be restored")
SETTING_TIME(keeper_replace_after, "keeper.replace_after", 60000, 1000, 86400000, "silence of a storage daemon after which an empty disk may take over its name and place")

SETTING_TEXT(storage_name, "storage.name", "", "name of this storage daemon in the cluster")
SETTING_TEXT(storage_zone, "storage.zone", "", "failure domain of this storage daemon; empty: its name")
SETTING_TEXT(storage_dir, "storage.dir", "", "folder of this daemon's disk")
SETTING_TEXT(storage_bind, "storage.bind", "127.0.0.1", "address on which the daemon serves, also told to clients")
SETTING_INT(storage_port, "storage.port", 0, 0, 65535, "port of the control socket")
SETTING_INT(storage_bulk_port, "storage.bulk_port", 0, 0, 65535, "port of the bulk socket")
SETTING_TEXT(storage_private, "storage.private", "127.0.0.1:0", "address and port of the daemon's private listener")
SETTING_SIZE(storage_segment_size, "storage.segment_size", 64 * MIB, 1 * MIB, 4 * GIB, "size of a segment file, preallocated")
SETTING_SIZE(storage_floor, "storage.floor", 256 * MIB, 0, 1024 * GIB, "free bytes of the disk that are never used for new chunks")
SETTING_INT(storage_compact_ratio, "storage.compact_ratio", 60, 1, 90, "percent of a segment that must still count for it to be left alone; below it, what counts is written again and the rest freed")
SETTING_SIZE(storage_compact_rate, "storage.compact_rate", 64 * MIB, 64 * KIB, 64 * GIB, "bytes a second that compaction reads and writes at most")
SETTING_SIZE(storage_scrub_rate, "storage.scrub_rate", 20 * MIB, 64 * KIB, 64 * GIB, "bytes a second that the scrub reads at most")
SETTING_TIME(storage_scrub_age, "storage.scrub_age", 14 * 86400000LL, 60000, 366 * 86400000LL, "time in which every stored chunk is read again and checked")
SETTING_INT(storage_threads, "storage.threads", 4, 1, 256, "threads that read and verify chunks")

SETTING_TEXT(gateway_name, "gateway.name", "gateway", "name of this gateway in logs")
SETTING_TEXT(gateway_bind, "gateway.bind", "127.0.0.1,::1", "addresses on which the gateway serves users, separated by commas")
SETTING_INT(gateway_port, "gateway.port", 5000, 1, 65535, "port on which the gateway serves users")
SETTING_INT(gateway_workers, "gateway.workers", 2, 1, 256, "worker processes")
SETTING_TEXT(gateway_private, "gateway.private", "127.0.0.1:0", "address and port of the gateway's private listener")
SETTING_TEXT(gateway_tls_certificate, "gateway.tls_certificate", "", "PEM file with the certificate and those up to the CA: gateway.port speaks TLS then; SIGHUP reads it again; empty: plain HTTP")
SETTING_TEXT(gateway_tls_key, "gateway.tls_key", "", "PEM file with the certificate's key, without a pass phrase")
SETTING_TEXT(gateway_public_url, "gateway.public_url", "", "URL under which users reach the registry; empty: from a trusted proxy's headers or the request's Host")
SETTING_TEXT(gateway_trusted_proxies, "gateway.trusted_proxies", "", "addresses and networks (10.0.0.0/8), separated by commas, of proxies whose Forwarded and X-Forwarded-Proto and -Host are believed")
SETTING_INT(gateway_connections, "gateway.connections", 10000, 1, 100000, "open connections a worker accepts at most")
SETTING_TIME(gateway_head_timeout, "gateway.head_timeout", 15000, 1000, 600000, "longest time for a request's head to arrive")
SETTING_TIME(gateway_idle_timeout, "gateway.idle_timeout", 75000, 1000, 3600000, "longest time a connection may be idle between requests")
SETTING_TIME(gateway_progress_timeout, "gateway.progress_timeout", 60000, 1000, 3600000, "longest time without a byte of progress in a request or an answer")
SETTING_TIME(gateway_drain_timeout, "gateway.drain_timeout", 30000, 0, 3600000, "longest time that running requests get when the gateway stops")
SETTING_SIZE(gateway_manifest_max, "gateway.manifest_max", 4 * MIB, 64 * KIB, 16 * MIB, "largest manifest")
SETTING_SIZE(gateway_blob_max, "gateway.blob_max", 10 * GIB, 1 * MIB, 1024 * GIB, "largest blob")
SETTING_INT(gateway_blob_chunks, "gateway.blob_chunks", 65536, 4, 65536, "most chunks of a blob: one for each 4 MiB, and one more for each request it is pushed in")
SETTING_TIME(gateway_upload_timeout, "gateway.upload_timeout", 600000, 0, 86400000, "longest time for one request of an upload, which the next one may continue; 0: none")
SETTING_TIME(gateway_storage_timeout, "gateway.storage_timeout", 20000, 100, 600000, "longest wait for a quorum of storage daemons")
SETTING_TIME(gateway_upload_life, "gateway.upload_life", 86400000, 1000, 2592000000, "life of an upload from its last progress on, at least")
SETTING_TIME(gateway_blob_protection, "gateway.blob_protection", 86400000, 0, 2592000000, "promised to writers: for so long after 201 or HEAD 200 a manifest may name the blob; unneeded blobs stay up to twice as long")
SETTING_TIME(gateway_token_life, "gateway.token_life", 300000, 60000, 3600000, "life of the bearer tokens given by /token")
/* clang-format on */
