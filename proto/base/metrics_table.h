/*
 * Every metric of every process: METRIC(id, kind, name, labels, help).
 * Kinds: COUNTER, GAUGE, HISTOGRAM (seconds). Labels is the inside of the braces or "".
 * Rows of one name stand together. Each process prints those with its own prefix and "packhouse_process".
 */
/* clang-format off */
METRIC(LOOP_LAG_US,      GAUGE,     "packhouse_process_loop_lag_microseconds", "", "Longest turn of the event loop since the last scrape")
METRIC(BUF_USED,         GAUGE,     "packhouse_process_buffer_bytes", "", "Bytes charged to the buffer budget")
METRIC(TASKS,            GAUGE,     "packhouse_process_tasks", "", "Live tasks")

METRIC(HTTP_CONNECTIONS, GAUGE,     "packhouse_gateway_connections", "", "Open connections of users")
METRIC(HTTP_ACCEPTED,    COUNTER,   "packhouse_gateway_connections_accepted_total", "", "Connections accepted")
METRIC(HTTP_REFUSED,     COUNTER,   "packhouse_gateway_requests_refused_total", "", "Requests refused before they were read: no proper head, too slow, too many")
METRIC(HTTP_GONE,        COUNTER,   "packhouse_gateway_requests_total", "class=\"none\"", "Requests by class of the answer (none: the client went away first)")
METRIC(HTTP_2XX,         COUNTER,   "packhouse_gateway_requests_total", "class=\"2xx\"", "")
METRIC(HTTP_3XX,         COUNTER,   "packhouse_gateway_requests_total", "class=\"3xx\"", "")
METRIC(HTTP_4XX,         COUNTER,   "packhouse_gateway_requests_total", "class=\"4xx\"", "")
METRIC(HTTP_5XX,         COUNTER,   "packhouse_gateway_requests_total", "class=\"5xx\"", "")
METRIC(HTTP_SECONDS,     HISTOGRAM, "packhouse_gateway_request_seconds", "", "From a whole head to the end of its answer")
METRIC(HTTP_BYTES_IN,    COUNTER,   "packhouse_gateway_received_bytes_total", "", "Body bytes received")
METRIC(HTTP_BYTES_OUT,   COUNTER,   "packhouse_gateway_sent_bytes_total", "", "Bytes of answers sent")

METRIC(STORE_BAD,        COUNTER,   "packhouse_process_store_bad_copies_total", "", "Copies whose bytes failed a check when read")
METRIC(STORE_MISSING,    COUNTER,   "packhouse_process_store_missing_copies_total", "", "Copies that a member of their partition did not have when read")
METRIC(STORE_PUT_FAILED, COUNTER,   "packhouse_process_store_failed_copies_total", "", "Copies that a storage node did not acknowledge")
METRIC(STORE_GET_NEXT,   COUNTER,   "packhouse_process_store_next_copy_total", "", "Reads that went on to another copy after a bad answer")
METRIC(STORE_GET_HEDGED, COUNTER,   "packhouse_process_store_hedged_total", "", "Reads that asked another copy because the first was slow")
/* clang-format on */
