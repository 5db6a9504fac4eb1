/*
 * Every metric of every process: METRIC(id, kind, name, labels, help).
 * Kinds: COUNTER, GAUGE, HISTOGRAM (seconds). Labels is the inside of the braces or "".
 * Rows of one name stand together. Each process prints those with its own prefix and "packhouse_process".
 */
/* clang-format off */
METRIC(LOOP_LAG_US,      GAUGE,     "packhouse_process_loop_lag_microseconds", "", "Longest turn of the event loop since the last scrape")
METRIC(BUF_USED,         GAUGE,     "packhouse_process_buffer_bytes", "", "Bytes charged to the buffer budget")
METRIC(TASKS,            GAUGE,     "packhouse_process_tasks", "", "Live tasks")
/* clang-format on */
