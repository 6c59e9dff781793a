/*
 * Tollgate for Asterisk.
 *
 * Licensed under MIT or Apache-2.0, at your option.
 */

/*! \file
 * \brief The commands of Asterisk's console.
 */

#include "tollgate_module.h"

#include "asterisk/astobj2.h"
#include "asterisk/causes.h"
#include "asterisk/cli.h"
#include "asterisk/localtime.h"
#include "asterisk/module.h"
#include "asterisk/strings.h"
#include "asterisk/utils.h"

/*! \brief The profiles of the index that begin with the word. */
static char *complete_profile(const char *word)
{
	RAII_VAR(struct tg_state *, state, tg_state_get(), ao2_cleanup);
	struct tollgate_name *profiles = NULL;
	size_t count = 0;
	size_t capacity;
	size_t length = strlen(word);
	size_t i;

	if (!state || !state->gate
		|| tollgate_get_profiles(state->gate->gate, NULL, 0, &count) != TOLLGATE_OK
		|| !(profiles = ast_calloc(MAX(count, 1), sizeof(*profiles)))) {
		return NULL;
	}
	capacity = count;
	if (tollgate_get_profiles(state->gate->gate, profiles, capacity, &count) == TOLLGATE_OK) {
		for (i = 0; i < MIN(count, capacity); i++) {
			if (!strncasecmp(profiles[i].text, word, length)) {
				ast_cli_completion_add(ast_strdup(profiles[i].text));
			}
		}
	}
	ast_free(profiles);
	return NULL;
}

static char *complete_question(const struct ast_cli_args *a)
{
	static const char * const directions[] = { "outbound", "inbound", NULL };

	switch (a->pos) {
	case 3:
		return complete_profile(a->word);
	case 4:
		return ast_cli_complete(a->word, directions, a->n);
	}
	return NULL;
}

/*! \brief Reads NUMBER [PROFILE [DIRECTION]]. \retval -1 for wrong usage. */
static int read_question(const struct ast_cli_args *a, struct tg_request *request)
{
	if (a->argc < 3 || a->argc > 5) {
		return -1;
	}
	request->number = a->argv[2];
	request->profile = a->argc > 3 ? a->argv[3] : NULL;
	request->direction = tg_direction_parse(a->argc > 4 ? a->argv[4] : NULL);
	return request->direction < 0 ? -1 : 0;
}

static char *handle_screen(struct ast_cli_entry *e, int cmd, struct ast_cli_args *a)
{
	struct tg_request request;
	struct tg_result result;
	char text[512];

	switch (cmd) {
	case CLI_INIT:
		e->command = "tollgate screen";
		e->usage =
			"Usage: tollgate screen <number> [<profile> [outbound|inbound]]\n"
			"       Says what would become of a call. It is counted in 'tollgate show stats'.\n"
			"       Quote a number that has a semicolon or a space in it.\n";
		return NULL;
	case CLI_GENERATE:
		return complete_question(a);
	}
	if (read_question(a, &request)) {
		return CLI_SHOWUSAGE;
	}
	tg_judge(&request, &result);
	ast_cli(a->fd, "%s\n", tg_result_field(&result, "text", text, sizeof(text)));
	return result.error[0] ? CLI_FAILURE : CLI_SUCCESS;
}

static char *explain(const struct ast_cli_args *a, const struct tg_request *request)
{
	RAII_VAR(struct tg_state *, state, tg_state_get(), ao2_cleanup);
	struct tollgate_query query = TOLLGATE_QUERY_INIT;
	char *text;

	if (!state || !state->gate) {
		ast_cli(a->fd, "There is no index: %s\n", state ? state->problem : "the module is being unloaded");
		return CLI_FAILURE;
	}
	query.profile = S_OR(request->profile, state->settings.profile);
	query.direction = request->direction;
	if (tollgate_explain(state->gate->gate, &query, request->number, strlen(request->number), TOLLGATE_TEXT,
		&text) != TOLLGATE_OK) {
		ast_cli(a->fd, "%s\n", tollgate_last_error());
		return CLI_FAILURE;
	}
	ast_cli(a->fd, "%s\n", text);
	tollgate_string_free(text);
	return CLI_SUCCESS;
}

static char *handle_explain(struct ast_cli_entry *e, int cmd, struct ast_cli_args *a)
{
	struct tg_request request;

	switch (cmd) {
	case CLI_INIT:
		e->command = "tollgate explain";
		e->usage =
			"Usage: tollgate explain <number> [<profile> [outbound|inbound]]\n"
			"       Says what would become of a call, and every step on the way, with file and\n"
			"       line of the list entries that matched.\n";
		return NULL;
	case CLI_GENERATE:
		return complete_question(a);
	}
	if (read_question(a, &request)) {
		return CLI_SHOWUSAGE;
	}
	return explain(a, &request);
}

static char *handle_reload(struct ast_cli_entry *e, int cmd, struct ast_cli_args *a)
{
	static const char * const options[] = { "force", NULL };
	char message[1024];
	int any_loss = 0;
	int result;

	switch (cmd) {
	case CLI_INIT:
		e->command = "tollgate reload";
		e->usage =
			"Usage: tollgate reload [force]\n"
			"       Reads tollgate.conf and the index again, as 'module reload res_tollgate.so'\n"
			"       does. Where either cannot be used, both stay as they were. 'force' takes an\n"
			"       index that lost more entries than max_loss allows.\n";
		return NULL;
	case CLI_GENERATE:
		return a->pos == 2 ? ast_cli_complete(a->word, options, a->n) : NULL;
	}
	if (a->argc == 3 && !strcasecmp(a->argv[2], "force")) {
		any_loss = 1;
	} else if (a->argc != 2) {
		return CLI_SHOWUSAGE;
	}
	result = tg_gate_reload(any_loss, message, sizeof(message));
	ast_cli(a->fd, "%s\n", message);
	return result ? CLI_FAILURE : CLI_SUCCESS;
}

static void format_time(int64_t seconds, char *text, size_t size)
{
	struct timeval when = { .tv_sec = seconds };
	struct ast_tm tm;

	if (seconds == TOLLGATE_NOT_BUILT) {
		ast_copy_string(text, "at an unknown time", size);
		return;
	}
	ast_strftime(text, size, "%F %T %Z", ast_localtime(&when, &tm, NULL));
}

static void show_hangup(int fd, const struct tg_settings *settings, int direction)
{
	const struct tg_direction *one = &settings->direction[direction];

	ast_cli(fd, "%-13s on_error %s; blocked: %s%s%s", tollgate_direction_text(direction),
		tollgate_action_text(one->on_error), one->context[0] ? "context " : "", one->context,
		one->context[0] ? ", else " : "");
	if (one->sip) {
		ast_cli(fd, "SIP %d, ", one->sip);
	}
	ast_cli(fd, "cause %d (%s)\n", one->cause, ast_cause2str(one->cause));
}

static char *show_status(int fd)
{
	RAII_VAR(struct tg_state *, state, tg_state_get(), ao2_cleanup);
	const struct tg_settings *settings;
	struct tollgate_info info;
	struct tollgate_stats stats;
	char problem[512];
	char built[64];

	if (!state) {
		ast_cli(fd, "The module is being unloaded\n");
		return CLI_FAILURE;
	}
	settings = &state->settings;
	ast_cli(fd, "library       %s\n", tollgate_version());
	ast_cli(fd, "index         %s\n", settings->index);
	if (!state->gate) {
		ast_cli(fd, "state         no index: %s\n", state->problem);
	} else if (tollgate_get_info(state->gate->gate, &info) == TOLLGATE_OK
		&& tollgate_get_stats(state->gate->gate, &stats) == TOLLGATE_OK) {
		format_time(info.built, built, sizeof(built));
		ast_cli(fd, "state         in force%s%s\n",
			stats.last_error[0] ? ", but a newer one was refused: " : "", stats.last_error);
		ast_cli(fd, "policy        %s, built %s%s%s%s%s\n", info.policy, built, info.by[0] ? " by " : "",
			info.by, info.why[0] ? ": " : "", info.why);
		ast_cli(fd, "contents      %" PRIu64 " entries in %" PRIu64 " lists, %" PRIu64 " profiles, %" PRIu64
			" bytes %s, format %u\n", info.entries, info.lists, info.profiles, info.bytes,
			info.mapped ? "mapped" : "in memory", info.format_version);
		ast_cli(fd, "home          %s, outside line %s, numbering plan %s\n", info.home,
			S_OR(info.outside_line, "none"), info.plan_version);
		ast_cli(fd, "checksum      %s\n", info.checksum);
		ast_cli(fd, "reloads       %" PRIu64 " swaps, %" PRIu64 " refused\n", stats.swaps, stats.refused);
	}
	tg_gate_problem(problem, sizeof(problem));
	if (problem[0]) {
		ast_cli(fd, "last reload   failed: %s\n", problem);
	}
	if (settings->watch) {
		ast_cli(fd, "watch         every %u ms\n", settings->watch);
	} else {
		ast_cli(fd, "watch         no\n");
	}
	if (settings->max_loss == TOLLGATE_NO_LOSS) {
		ast_cli(fd, "max_loss      0%%\n");
	} else {
		ast_cli(fd, "max_loss      %u%%\n", settings->max_loss ? settings->max_loss : TG_MAX_LOSS);
	}
	ast_cli(fd, "profile       %s\n", settings->profile);
	show_hangup(fd, settings, TOLLGATE_OUTBOUND);
	show_hangup(fd, settings, TOLLGATE_INBOUND);
	return state->gate ? CLI_SUCCESS : CLI_FAILURE;
}

static char *handle_show_status(struct ast_cli_entry *e, int cmd, struct ast_cli_args *a)
{
	switch (cmd) {
	case CLI_INIT:
		e->command = "tollgate show status";
		e->usage =
			"Usage: tollgate show status\n"
			"       Shows the index in force, why a newer one was refused, and the settings.\n";
		return NULL;
	case CLI_GENERATE:
		return NULL;
	}
	if (a->argc != 3) {
		return CLI_SHOWUSAGE;
	}
	return show_status(a->fd);
}

static void show_lists(int fd, tollgate_gate *gate)
{
	struct tollgate_list *lists;
	size_t count = 0;
	size_t capacity;
	size_t i;

	if (tollgate_get_lists(gate, NULL, 0, &count) != TOLLGATE_OK || !count
		|| !(lists = ast_calloc(count, sizeof(*lists)))) {
		return;
	}
	capacity = count;
	if (tollgate_get_lists(gate, lists, capacity, &count) == TOLLGATE_OK) {
		ast_cli(fd, "\n%-24s %-6s %12s %12s %12s\n", "list", "action", "entries", "decided", "would block");
		for (i = 0; i < MIN(count, capacity); i++) {
			ast_cli(fd, "%-24s %-6s %12" PRIu64 " %12" PRIu64 " %12" PRIu64 "\n", lists[i].name,
				tollgate_list_action_text(lists[i].action), lists[i].entries, lists[i].decided,
				lists[i].would_block);
		}
	}
	ast_free(lists);
}

static char *show_stats(int fd)
{
	RAII_VAR(struct tg_state *, state, tg_state_get(), ao2_cleanup);
	struct tollgate_stats stats;
	int reason;

	if (!state || !state->gate) {
		ast_cli(fd, "There is no index: %s\n", state ? state->problem : "the module is being unloaded");
		return CLI_FAILURE;
	}
	if (tollgate_get_stats(state->gate->gate, &stats) != TOLLGATE_OK) {
		ast_cli(fd, "%s\n", tollgate_last_error());
		return CLI_FAILURE;
	}
	ast_cli(fd, "%-24s %12s %12s\n", "reason", "allowed", "blocked");
	for (reason = 0; reason < TOLLGATE_REASONS; reason++) {
		if (stats.allowed[reason] || stats.blocked[reason]) {
			ast_cli(fd, "%-24s %12" PRIu64 " %12" PRIu64 "\n", tollgate_reason_text(reason),
				stats.allowed[reason], stats.blocked[reason]);
		}
	}
	ast_cli(fd, "%-24s %12" PRIu64 " %12" PRIu64 "\n", "all", stats.allowed_total, stats.blocked_total);
	ast_cli(fd, "%-24s %12" PRIu64 "\n", "would block", stats.would_block);
	show_lists(fd, state->gate->gate);
	return CLI_SUCCESS;
}

static char *handle_show_stats(struct ast_cli_entry *e, int cmd, struct ast_cli_args *a)
{
	switch (cmd) {
	case CLI_INIT:
		e->command = "tollgate show stats";
		e->usage =
			"Usage: tollgate show stats\n"
			"       Shows how many calls were allowed and blocked, and by which lists, since\n"
			"       tollgate.conf named this index, with this profile, max_loss and mapped.\n";
		return NULL;
	case CLI_GENERATE:
		return NULL;
	}
	if (a->argc != 3) {
		return CLI_SHOWUSAGE;
	}
	return show_stats(a->fd);
}

/*
 * Asterisk counts those inside a command twice: as users of the module until the handler returns, and as
 * users of the entry until it has printed what comes after that.
 */
static struct ast_cli_entry commands[] = {
	AST_CLI_DEFINE(handle_screen, "Say what would become of a call"),
	AST_CLI_DEFINE(handle_explain, "Say why"),
	AST_CLI_DEFINE(handle_reload, "Read settings and index again"),
	AST_CLI_DEFINE(handle_show_status, "Show the index in force and the settings"),
	AST_CLI_DEFINE(handle_show_stats, "Show what was allowed and blocked"),
};

/*! \brief Whether Asterisk has a command: from registering until unregistering it owns the text of it. */
static int is_registered(const struct ast_cli_entry *entry)
{
	return entry->command != NULL;
}

int tg_cli_register(void)
{
	int result = 0;
	size_t i;

	for (i = 0; i < ARRAY_LEN(commands); i++) {
		if (!is_registered(&commands[i]) && ast_cli_register(&commands[i])) {
			ast_log(LOG_ERROR, "The command to '%s' cannot be registered\n", commands[i].summary);
			result = -1;
		}
	}
	return result;
}

/*!
 * Asterisk refuses to unregister a command that is under way, and says that it did it; and one that has been
 * found while it is unregistered is run all the same. So both are looked at.
 */
int tg_cli_unregister(void)
{
	int result = 0;
	size_t i;

	for (i = 0; i < ARRAY_LEN(commands); i++) {
		if (is_registered(&commands[i]) && !ast_atomic_fetchadd_int(&commands[i].inuse, 0)) {
			ast_cli_unregister(&commands[i]);
		}
		if (is_registered(&commands[i]) || ast_atomic_fetchadd_int(&commands[i].inuse, 0)) {
			result = -1;
		}
	}
	return result;
}
