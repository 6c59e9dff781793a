/*
 * api.c: the command "tollgate", for people at the console, for programs at the event socket, and for
 * dialplans as ${tollgate(…)}. A reply begins with +OK or -ERR, and has no newline at its end.
 *
 * Licensed under MIT or Apache-2.0, at your option.
 */

#include "mod_tollgate.h"

static const char help[] =
	"+OK\n"
	"tollgate screen [outbound|inbound] [profile=<name>] [home=<region>] [number=]<number>\n"
	"    What a call would get: \"+OK block type premium_rate +421900123456\". Is counted.\n"
	"tollgate explain [outbound|inbound] [profile=<name>] [home=<region>] [format=json] [number=]<number>\n"
	"    Why: every step, with file and line of the list entries that matched.\n"
	"tollgate reload [reloadxml] [max-loss=<percent>]\n"
	"    tollgate.conf.xml and the index anew. Both or none: on -ERR all is as it was. With reloadxml\n"
	"    FreeSWITCH reads its XML files first; max-loss says how many entries may be lost this time.\n"
	"tollgate rollback\n"
	"    Back to the index before the last reload.\n"
	"tollgate status\n"
	"    The index in force, and the settings.\n"
	"tollgate stats\n"
	"    What was allowed and blocked, by reason and by list.\n"
	"From a dialplan a number is written number=…, behind all other arguments; without, it is the channel's.";

#define WRITE(...) stream->write_function(stream, __VA_ARGS__)

/* --- screen, explain --- */

/* True: `question` and `number` are there. Else the reply is written. */
static switch_bool_t read_question(char *text, switch_core_session_t *session, switch_stream_handle_t *stream,
								   tg_question_t *question, const char **number)
{
	char error[TG_MESSAGE];

	/* A person means what they type. In a dialplan, a dialled "inbound 0900123" must not be an argument. */
	if (!tg_question_parse(question, text, session ? SWITCH_FALSE : SWITCH_TRUE, error, sizeof(error))) {
		WRITE("-ERR %s", error);
		return SWITCH_FALSE;
	}
	if (!(*number = tg_question_number(question, session))) {
		WRITE("-ERR which number? (tollgate help)");
		return SWITCH_FALSE;
	}
	return SWITCH_TRUE;
}

static void api_screen(char *text, switch_core_session_t *session, switch_stream_handle_t *stream)
{
	const tg_service_t *service;
	tg_question_t question;
	tg_answer_t answer;
	const char *number;
	char line[320];
	unsigned hold;

	if (!read_question(text, session, stream, &question, &number)) {
		return;
	}
	service = tg_service_take(&hold);
	tg_judge_channel(service, &question, session, number, &answer);
	tg_service_give(hold);

	if (session && (answer.verdict.action != TOLLGATE_ALLOW || answer.verdict.would_block)) {
		tg_event_call(session, &question, number, &answer, TG_ASKED_BY_COMMAND, SWITCH_CAUSE_NONE);
	}
	if (answer.error) {
		WRITE("-ERR %s: a call gets %s (%s): %s", tg_error_text(answer.error),
			  answer.verdict.action == TOLLGATE_ALLOW ? "allow" : "block", answer.reason, answer.message);
		return;
	}
	tollgate_verdict_text(&answer.verdict, line, sizeof(line));
	WRITE("+OK %s", line);
}

static void api_explain(char *text, switch_core_session_t *session, switch_stream_handle_t *stream)
{
	const tg_service_t *service;
	tg_question_t question;
	struct tollgate_query query;
	const char *number;
	char *explanation = NULL;
	char printable[128], message[TG_MESSAGE];
	int32_t format = TOLLGATE_TEXT;
	unsigned hold;

	if (!read_question(text, session, stream, &question, &number)) {
		return;
	}
	if (question.format && !strcasecmp(question.format, "json")) {
		format = TOLLGATE_JSON;
	} else if (question.format && strcasecmp(question.format, "text")) {
		WRITE("-ERR format=%s: must be text or json", tg_printable(question.format, printable, sizeof(printable)));
		return;
	}
	service = tg_service_take(&hold);
	tg_question_query(service, &question, &query);
	if (!service->gate) {
		switch_snprintf(message, sizeof(message), "there is no index: %s", service->error);
	} else if (tollgate_explain(service->gate, &query, number, strlen(number), format, &explanation) != TOLLGATE_OK) {
		switch_copy_string(message, tollgate_last_error(), sizeof(message));
	}
	/* Before anything is written: who reads may be slow, and a reload waits for who holds the service. */
	tg_service_give(hold);
	if (explanation) {
		WRITE("+OK\n%s", explanation);
		tollgate_string_free(explanation);
	} else {
		WRITE("-ERR %s", message);
	}
}

/* --- reload, rollback --- */

static void write_reload(const tg_reload_t *reload, switch_stream_handle_t *stream)
{
	switch_bool_t has_index;
	unsigned hold;

	if (reload->result != TG_RELOAD_REFUSED) {
		WRITE("+OK %s: %" SWITCH_UINT64_T_FMT " entries, before %" SWITCH_UINT64_T_FMT " (%s)", tg_reload_text(reload->result),
			  reload->entries, reload->entries_before, reload->index);
		return;
	}
	has_index = tg_service_take(&hold)->gate ? SWITCH_TRUE : SWITCH_FALSE;
	tg_service_give(hold);
	WRITE("-ERR %s; %s", reload->message,
		  has_index ? "the index in force stays" : "there still is no index, on-error answers");
}

static void api_reload(char *text, switch_stream_handle_t *stream)
{
	tg_reload_t reload;
	uint32_t max_loss_percent = 0;
	switch_bool_t xml = SWITCH_FALSE;
	const char *error = NULL;
	char *argv[4] = { 0 };
	char printable[128];
	int argc, i;

	argc = switch_separate_string(text, ' ', argv, sizeof(argv) / sizeof(argv[0]));
	for (i = 0; i < argc; i++) {
		if (!strcasecmp(argv[i], "reloadxml")) {
			xml = SWITCH_TRUE;
		} else if (!strncasecmp(argv[i], "max-loss=", 9) && tg_number_parse(argv[i] + 9, 100, &max_loss_percent)) {
			if (!max_loss_percent) {
				max_loss_percent = TOLLGATE_NO_LOSS;
			}
		} else if (*argv[i]) {
			WRITE("-ERR \"%s\": must be reloadxml, or max-loss=0 to max-loss=100",
				  tg_printable(argv[i], printable, sizeof(printable)));
			return;
		}
	}
	if (xml && switch_xml_reload(&error) != SWITCH_STATUS_SUCCESS) {
		WRITE("-ERR FreeSWITCH cannot read its XML files: %s; nothing was reloaded", switch_str_nil(error));
		return;
	}
	tg_service_reload(max_loss_percent, &reload);
	write_reload(&reload, stream);
}

/* --- status, stats --- */

static void write_causes(const tg_settings_t *settings, switch_stream_handle_t *stream)
{
	int32_t direction;

	for (direction = 0; direction < TG_DIRECTIONS; direction++) {
		switch_call_cause_t cause = settings->cause[direction];

		WRITE("\n%-8s    a blocked call: %s; on error: %s", tollgate_direction_text(direction),
			  cause == SWITCH_CAUSE_NONE ? "is not hung up" : switch_channel_cause2str(cause),
			  settings->block_on_error[direction] ? "block" : "allow");
	}
}

static void write_built(int64_t built, switch_stream_handle_t *stream)
{
	switch_time_exp_t time;
	char text[64] = "";
	switch_size_t length;

	/* The time is whatever the index says: years that a calendar has no room for are shown as they are. */
	if (built == TOLLGATE_NOT_BUILT) {
		WRITE("unknown");
	} else if (built >= 0 && built < 253402300800LL && switch_time_exp_gmt(&time, (switch_time_t) built * 1000000) == SWITCH_STATUS_SUCCESS &&
			   switch_strftime_nocheck(text, &length, sizeof(text), "%Y-%m-%dT%H:%M:%SZ", &time) == SWITCH_STATUS_SUCCESS) {
		WRITE("%s", text);
	} else {
		WRITE("%" SWITCH_INT64_T_FMT, built);
	}
}

static void write_index(const tg_service_t *service, switch_stream_handle_t *stream)
{
	const tg_settings_t *settings = &service->settings;
	struct tollgate_info info;

	if (!service->gate) {
		WRITE("\nindex       none: %s", service->error);
		WRITE("\nfile        %s", settings->index);
		WRITE("\nemergency   %s pass while there is no index", *settings->emergency ? settings->emergency : "no calls");
	} else if (tollgate_get_info(service->gate, &info) == TOLLGATE_OK) {
		WRITE("\nindex       %s", settings->index);
		WRITE("\npolicy      %s, home %s, plan %s, built ", info.policy, info.home, info.plan_version);
		write_built(info.built, stream);
		WRITE("\nentries     %" SWITCH_UINT64_T_FMT " in %" SWITCH_UINT64_T_FMT " lists, %" SWITCH_UINT64_T_FMT
			  " profiles, %" SWITCH_UINT64_T_FMT " bytes%s", info.entries, info.lists, info.profiles, info.bytes,
			  info.mapped ? ", mapped" : "");
		WRITE("\nchecksum    %s", info.checksum);
	} else {
		WRITE("\nindex       %s: %s", settings->index, tollgate_last_error());
	}
}

static void write_status(const tg_service_t *service, switch_stream_handle_t *stream)
{
	const tg_settings_t *settings = &service->settings;
	tg_counts_t counts;

	WRITE("+OK");
	write_index(service, stream);
	tg_service_counts(&counts);
	WRITE("\nreloads     %" SWITCH_UINT64_T_FMT " done, %" SWITCH_UINT64_T_FMT " refused", counts.swaps, counts.refused);
	if (service->gate && *counts.last_refused) {
		WRITE("\nrefused     %s", counts.last_refused);
	}
	WRITE("\nprofile     %s where a call names none", settings->default_profile ? settings->default_profile : "default");
	write_causes(settings, stream);
	if (settings->watch_ms) {
		WRITE("\nwatch       every %u ms", (unsigned) settings->watch_ms);
	} else {
		WRITE("\nwatch       off: tollgate reload");
	}
	WRITE("\nlibrary     %s", tollgate_version());
}

static void api_status(switch_stream_handle_t *stream)
{
	/* Into memory first: no service may be held while somebody slow is written to. */
	switch_stream_handle_t memory;
	unsigned hold;

	SWITCH_STANDARD_STREAM(memory);
	write_status(tg_service_take(&hold), &memory);
	tg_service_give(hold);
	WRITE("%s", (const char *) memory.data);
	free(memory.data);
}

static void write_counts(switch_stream_handle_t *stream, const char *name, uint64_t total, const uint64_t *by_reason)
{
	int32_t reason;

	WRITE("\n%-24s %" SWITCH_UINT64_T_FMT, name, total);
	for (reason = 0; reason < TOLLGATE_REASONS; reason++) {
		if (by_reason[reason]) {
			WRITE("\n  %-22s %" SWITCH_UINT64_T_FMT, tollgate_reason_text(reason), by_reason[reason]);
		}
	}
}

static void write_lists(switch_stream_handle_t *stream)
{
	size_t count, i;
	struct tollgate_list *lists = tg_service_lists(&count);

	for (i = 0; i < count; i++) {
		WRITE("\nlist %-19s %s, %" SWITCH_UINT64_T_FMT " entries, decided %" SWITCH_UINT64_T_FMT, lists[i].name,
			  tollgate_list_action_text((int32_t) lists[i].action), lists[i].entries, lists[i].decided);
		if (lists[i].action == TOLLGATE_LIST_LOG) {
			WRITE(", would have blocked %" SWITCH_UINT64_T_FMT, lists[i].would_block);
		}
	}
	free(lists);
}

static void api_stats(switch_stream_handle_t *stream)
{
	tg_counts_t counts;
	int error;

	tg_service_counts(&counts);
	WRITE("+OK");
	write_counts(stream, "allowed", counts.allowed_total, counts.allowed);
	write_counts(stream, "blocked", counts.blocked_total, counts.blocked);
	WRITE("\n%-24s %" SWITCH_UINT64_T_FMT, "would be blocked", counts.would_block);
	write_lists(stream);
	WRITE("\n%-24s %" SWITCH_UINT64_T_FMT, "reloads done", counts.swaps);
	WRITE("\n%-24s %" SWITCH_UINT64_T_FMT, "reloads refused", counts.refused);
	for (error = TG_ERROR_NONE + 1; error < TG_ERRORS; error++) {
		uint64_t outbound = tg_errors_counted((tg_error_t) error, TOLLGATE_OUTBOUND);
		uint64_t inbound = tg_errors_counted((tg_error_t) error, TOLLGATE_INBOUND);

		WRITE("\nnot screened: %-10s outbound %" SWITCH_UINT64_T_FMT ", inbound %" SWITCH_UINT64_T_FMT,
			  tg_error_text((tg_error_t) error), outbound, inbound);
	}
}

/* --- the command --- */

switch_status_t tg_api(const char *cmd, switch_core_session_t *session, switch_stream_handle_t *stream)
{
	char *text, *arguments;

	if (zstr(cmd)) {
		WRITE("-ERR which command? tollgate %s", TG_API_SYNTAX);
		return SWITCH_STATUS_SUCCESS;
	}
	if (!(text = strdup(cmd))) {
		WRITE("-ERR there is no memory");
		return SWITCH_STATUS_SUCCESS;
	}
	if ((arguments = strchr(text, ' '))) {
		*arguments++ = '\0';
	} else {
		arguments = text + strlen(text);
	}
	if (!strcasecmp(text, "screen")) {
		api_screen(arguments, session, stream);
	} else if (!strcasecmp(text, "explain")) {
		api_explain(arguments, session, stream);
	} else if (!strcasecmp(text, "reload")) {
		api_reload(arguments, stream);
	} else if (!strcasecmp(text, "rollback")) {
		tg_reload_t reload;

		tg_service_rollback(&reload);
		write_reload(&reload, stream);
	} else if (!strcasecmp(text, "status")) {
		api_status(stream);
	} else if (!strcasecmp(text, "stats")) {
		api_stats(stream);
	} else if (!strcasecmp(text, "help")) {
		WRITE("%s", help);
	} else {
		char printable[128];

		WRITE("-ERR there is no command \"%s\": tollgate %s", tg_printable(text, printable, sizeof(printable)), TG_API_SYNTAX);
	}
	free(text);
	return SWITCH_STATUS_SUCCESS;
}

/* --- completion --- */

/* The arguments of screen and explain, with the profiles of the index in force. */
static switch_status_t complete_arguments(const char *line, const char *cursor, switch_console_callback_match_t **matches)
{
	static const char *const words[] = { "inbound", "outbound", "home=", "number=" };
	switch_console_callback_match_t *found = NULL;
	struct tollgate_name *names = NULL;
	const tg_service_t *service;
	size_t count = 0, capacity, i;
	unsigned hold;

	(void) line;
	(void) cursor;
	for (i = 0; i < sizeof(words) / sizeof(words[0]); i++) {
		switch_console_push_match(&found, words[i]);
	}
	service = tg_service_take(&hold);
	if (service->gate && tollgate_get_profiles(service->gate, NULL, 0, &capacity) == TOLLGATE_OK && capacity &&
		(names = calloc(capacity, sizeof(*names))) &&
		tollgate_get_profiles(service->gate, names, capacity, &count) == TOLLGATE_OK) {
		for (i = 0; i < count && i < capacity; i++) {
			char word[64];

			switch_snprintf(word, sizeof(word), "profile=%s", names[i].text);
			switch_console_push_match(&found, word);
		}
	}
	tg_service_give(hold);
	free(names);
	*matches = found;
	return SWITCH_STATUS_SUCCESS;
}

#define COMPLETE_ARGUMENTS "::tollgate::arguments"

void tg_completion_add(void)
{
	switch_console_add_complete_func(COMPLETE_ARGUMENTS, complete_arguments);
	switch_console_set_complete("add tollgate screen " COMPLETE_ARGUMENTS);
	switch_console_set_complete("add tollgate screen " COMPLETE_ARGUMENTS " " COMPLETE_ARGUMENTS);
	switch_console_set_complete("add tollgate explain " COMPLETE_ARGUMENTS);
	switch_console_set_complete("add tollgate explain " COMPLETE_ARGUMENTS " " COMPLETE_ARGUMENTS);
	switch_console_set_complete("add tollgate reload");
	switch_console_set_complete("add tollgate reload reloadxml");
	switch_console_set_complete("add tollgate reload max-loss=");
	switch_console_set_complete("add tollgate rollback");
	switch_console_set_complete("add tollgate status");
	switch_console_set_complete("add tollgate stats");
	switch_console_set_complete("add tollgate help");
}

void tg_completion_remove(void)
{
	switch_console_set_complete("del tollgate");
	switch_console_del_complete_func(COMPLETE_ARGUMENTS);
}
