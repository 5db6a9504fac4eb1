/*
 * getopt_long over one table of words; ranges are checked here, so that the rest need not.
 */
#include "tests/bench/load/options.h"

#include <getopt.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "tests/bench/load/ops.h"

static const char USAGE[] =
	"usage: packhouse-load WORKLOAD --url URL [OPTION]...\n"
	"\n"
	"WORKLOAD: %s,\n"
	"          mixed (see --mix), or verify (checks all of the journal --from)\n"
	"\n"
	"  --url URL            http://HOST:PORT; repeated: connections take turns\n"
	"  --spread             each request goes to the next URL, not each connection\n"
	"  --repository NAME    (load/test); with --repositories N: NAME-0 … NAME-(N-1)\n"
	"  --user, --password   for Basic or to buy tokens, as the challenge says\n"
	"  --basic              Basic from the first request on\n"
	"  --token TOKEN        this bearer token with every request\n"
	"  --connections N      (1) one thread each\n"
	"  --seconds S, --count N   when to end; without both: after one operation\n"
	"  --rate R             begin R operations a second whatever is answered (open loop)\n"
	"  --deadline S         of each operation (60)\n"
	"  --retries N          repetitions of a failed operation (0)\n"
	"  --size SIZES         of blobs (4KiB); 1KiB-8MiB, 70:1MiB,20:10MiB,10:100MiB\n"
	"  --layers N           of images and manifests (1)\n"
	"  --push MODE          patch (POST PATCH PUT, as docker), put (POST PUT), parts\n"
	"  --part SIZE          of each PATCH with --push parts (8MiB)\n"
	"  --hash-late          compute digests while sending, not before; for huge blobs\n"
	"  --check MODE         of pulled blobs: digest, or bytes (cheaper)\n"
	"  --by-digest          manifests are read by digest, not by tag\n"
	"  --seed N             the same seed pushes the same bytes (random)\n"
	"  --prepare N          push N items first, not measured, for workloads that pull\n"
	"  --from FILE          a journal that names what can be pulled\n"
	"  --keep N             how many items are remembered to be pulled (100000)\n"
	"  --mix LIST           push-image:1,pull-image:9 and so on\n"
	"  --acknowledged FILE  append each acknowledged write to this journal\n"
	"  --expect LIST        errors that do not fail the run: 503,broken,refused\n"
	"\n"
	"Result: JSON on stdout, a line on stderr. Status 1: there was an unexpected error.\n";

static void complain(const char *format, ...) PRINTF_LIKE(1, 2) NORETURN;
static void complain(const char *format, ...)
{
	va_list arguments;

	fprintf(stderr, "packhouse-load: ");
	va_start(arguments, format);
	vfprintf(stderr, format, arguments);
	va_end(arguments);
	fprintf(stderr, " (--help shows all options)\n");
	exit(2);
}

static double number_of(const char *name, const char *text, double least, double most)
{
	char *end;
	double value = strtod(text, &end);

	if (end == text || *end != '\0' || !(value >= least && value <= most))
		complain("--%s %s: a number from %g to %g", name, text, least, most);
	return value;
}

static uint64_t size_of(const char *name, const char *text)
{
	uint64_t size;

	if (data_parse_size(text, &size) != 0 || size == 0)
		complain("--%s %s: not a size", name, text);
	return size;
}

/* The place of a word in a list. */
static unsigned word_of(const char *name, const char *text, const char *const *words)
{
	for (unsigned i = 0; words[i] != NULL; i++) {
		if (strcmp(words[i], text) == 0)
			return i;
	}
	complain("--%s %s: no such word", name, text);
}

static void add_mix(struct options *o, const char *name, unsigned weight)
{
	struct mix *m = &o->mix[o->mixed];

	if (o->mixed == OPTIONS_MIX || weight == 0)
		complain("the mix has too many parts, or one of no weight");
	m->operation = ops_find(name);
	if (m->operation == NULL)
		complain("there is no workload \"%s\"", name);
	m->weight = weight;
	o->mix_weight += weight;
	o->mixed++;
}

/* NAME[:WEIGHT],… */
static void read_mix(struct options *o, const char *text)
{
	while (*text != '\0') {
		size_t len = strcspn(text, ",");
		char part[64], *colon;

		snprintf(part, sizeof(part), "%.*s", (int)len, text);
		colon = strchr(part, ':');
		if (colon != NULL)
			*colon++ = '\0';
		add_mix(o, part,
			colon == NULL ? 1 : (unsigned)number_of("mix", colon, 1, 1000000));
		text += len + (text[len] == ',');
	}
}

static void add_url(struct options *o, const char *text)
{
	if (o->url_count == OPTIONS_URLS)
		complain("--url: at most %d", OPTIONS_URLS);
	if (url_parse(text, &o->urls[o->url_count++]) != 0)
		complain("--url %s: http://HOST:PORT is what is known here", text);
}

enum word {
	URL = 256,
	SPREAD,
	REPOSITORY,
	REPOSITORIES,
	USER,
	PASSWORD,
	BASIC,
	TOKEN,
	CONNECTIONS,
	SECONDS,
	COUNT,
	RATE,
	DEADLINE,
	RETRIES,
	SIZE,
	LAYERS,
	PUSH,
	PART,
	HASH_LATE,
	CHECK,
	BY_DIGEST,
	SEED,
	PREPARE,
	FROM,
	KEEP,
	MIX,
	ACKNOWLEDGED,
	EXPECT,
	HELP,
};

static const struct option WORDS[] = {
	{"url", 1, NULL, URL},
	{"spread", 0, NULL, SPREAD},
	{"repository", 1, NULL, REPOSITORY},
	{"repositories", 1, NULL, REPOSITORIES},
	{"user", 1, NULL, USER},
	{"password", 1, NULL, PASSWORD},
	{"basic", 0, NULL, BASIC},
	{"token", 1, NULL, TOKEN},
	{"connections", 1, NULL, CONNECTIONS},
	{"seconds", 1, NULL, SECONDS},
	{"count", 1, NULL, COUNT},
	{"rate", 1, NULL, RATE},
	{"deadline", 1, NULL, DEADLINE},
	{"retries", 1, NULL, RETRIES},
	{"size", 1, NULL, SIZE},
	{"layers", 1, NULL, LAYERS},
	{"push", 1, NULL, PUSH},
	{"part", 1, NULL, PART},
	{"hash-late", 0, NULL, HASH_LATE},
	{"check", 1, NULL, CHECK},
	{"by-digest", 0, NULL, BY_DIGEST},
	{"seed", 1, NULL, SEED},
	{"prepare", 1, NULL, PREPARE},
	{"from", 1, NULL, FROM},
	{"keep", 1, NULL, KEEP},
	{"mix", 1, NULL, MIX},
	{"acknowledged", 1, NULL, ACKNOWLEDGED},
	{"expect", 1, NULL, EXPECT},
	{"help", 0, NULL, HELP},
	{0},
};

/* What is said to whom, and as who. */
static bool take_target(struct options *o, int word, const char *text)
{
	switch (word) {
	case URL:
		add_url(o, text);
		return true;
	case SPREAD:
		o->spread_requests = true;
		return true;
	case REPOSITORY:
		o->repository = text;
		return true;
	case REPOSITORIES:
		o->repositories = (unsigned)number_of("repositories", text, 1, 4000);
		return true;
	case USER:
		o->user = text;
		return true;
	case PASSWORD:
		o->password = text;
		return true;
	case BASIC:
		o->basic = true;
		return true;
	case TOKEN:
		o->token = text;
		return true;
	default:
		return false;
	}
}

/* How much, how fast, how long. */
static bool take_amount(struct options *o, int word, const char *text)
{
	switch (word) {
	case CONNECTIONS:
		o->connections =
			(unsigned)number_of("connections", text, 1, OPTIONS_CONNECTIONS);
		return true;
	case SECONDS:
		o->seconds = number_of("seconds", text, 0.01, 1e6);
		return true;
	case COUNT:
		o->count = (uint64_t)number_of("count", text, 1, 1e12);
		return true;
	case RATE:
		o->rate = number_of("rate", text, 0.001, 1e6);
		return true;
	case DEADLINE:
		o->deadline_us = (uint64_t)(number_of("deadline", text, 0.01, 1e6) * 1e6);
		return true;
	case RETRIES:
		o->retries = (unsigned)number_of("retries", text, 0, 1e6);
		return true;
	case PREPARE:
		o->prepare = (uint64_t)number_of("prepare", text, 0, 1e9);
		return true;
	case KEEP:
		o->keep = (uint64_t)number_of("keep", text, 1, 1e7);
		return true;
	default:
		return false;
	}
}

/* What the data is, and how it is moved. */
static bool take_shape(struct options *o, int word, const char *text)
{
	static const char *const PUSHES[] = {"patch", "put", "parts", NULL};
	static const char *const CHECKS[] = {"digest", "bytes", NULL};

	switch (word) {
	case SIZE:
		if (data_parse_sizes(text, &o->sizes) != 0)
			complain("--size %s: not a list of sizes", text);
		return true;
	case LAYERS:
		o->layers = (unsigned)number_of("layers", text, 0, OPTIONS_LAYERS);
		return true;
	case PUSH:
		o->push = (enum push_mode)word_of("push", text, PUSHES);
		return true;
	case PART:
		o->part = size_of("part", text);
		return true;
	case HASH_LATE:
		o->hash_late = true;
		return true;
	case CHECK:
		o->check = (enum check_mode)word_of("check", text, CHECKS);
		return true;
	case BY_DIGEST:
		o->by_digest = true;
		return true;
	case SEED:
		o->seed = strtoull(text, NULL, 0);
		return true;
	case MIX:
		read_mix(o, text);
		return true;
	default:
		return false;
	}
}

static void take_rest(struct options *o, int word, const char *text)
{
	switch (word) {
	case FROM:
		o->from = text;
		break;
	case ACKNOWLEDGED:
		o->acknowledged = text;
		break;
	case EXPECT:
		o->expect = text;
		break;
	case HELP:
		printf(USAGE, ops_names());
		exit(0);
	default:
		complain("the options make no sense");
	}
}

static void settle(struct options *o)
{
	bool verify = strcmp(o->workload, "verify") == 0;

	if (!verify && strcmp(o->workload, "mixed") != 0)
		add_mix(o, o->workload, 1);
	if (!verify && o->mixed == 0)
		complain("mixed needs --mix");
	if (o->url_count == 0)
		complain("--url is missing");
	if (verify && o->from == NULL)
		complain("verify needs --from");
	if (o->hash_late && o->push != PUSH_PATCH)
		complain("--hash-late is for --push patch: the others send the digest first");
	if (o->seconds == 0 && o->count == 0)
		o->count = 1;
	if (strlen(o->repository) > ITEMS_NAME - 8)
		complain("--repository: the name is too long");
}

void options_read(struct options *o, int argc, char **argv)
{
	struct timespec now;
	int word;

	clock_gettime(CLOCK_REALTIME, &now);
	*o = (struct options){.repository = "load/test",
			      .repositories = 1,
			      .connections = 1,
			      .deadline_us = 60000000,
			      .layers = 1,
			      .part = 8u << 20,
			      .keep = 100000,
			      .seed = data_seed((uint64_t)now.tv_sec, (uint64_t)now.tv_nsec)};
	o->sizes = (struct sizes){.classes = {{4096, 4096, 1}}, .count = 1, .weight = 1};
	while ((word = getopt_long(argc, argv, "", WORDS, NULL)) != -1) {
		if (!take_target(o, word, optarg) && !take_amount(o, word, optarg) &&
		    !take_shape(o, word, optarg))
			take_rest(o, word, optarg);
	}
	if (optind != argc - 1)
		complain("one workload is needed");
	o->workload = argv[optind];
	settle(o);
}
