/*
 * Tollgate for Asterisk.
 *
 * Licensed under MIT or Apache-2.0, at your option.
 */

/*! \file
 * \brief From a number to an answer, in every case.
 */

#include "tollgate_module.h"

#include "asterisk/astobj2.h"
#include "asterisk/strings.h"
#include "asterisk/utils.h"

void tg_printable(char *to, size_t size, const char *from)
{
	size_t i;

	for (i = 0; i + 1 < size && from[i]; i++) {
		to[i] = from[i] < 0x20 || from[i] > 0x7e ? '?' : from[i];
	}
	to[i] = '\0';
}

int tg_direction_parse(const char *text)
{
	/* As it is mostly written, first. */
	if (ast_strlen_zero(text) || !strcmp(text, "outbound") || !strcasecmp(text, "outbound")) {
		return TOLLGATE_OUTBOUND;
	}
	return strcasecmp(text, "inbound") ? -1 : TOLLGATE_INBOUND;
}

/*! \brief Whether the number is one of those that are let out without an index: exactly, and no more. */
static int is_emergency(const struct tg_settings *settings, const char *number)
{
	char numbers[sizeof(settings->emergency)];
	char *rest = numbers;
	char *one;

	ast_copy_string(numbers, settings->emergency, sizeof(numbers));
	while ((one = strsep(&rest, ","))) {
		one = ast_strip(one);
		if (!ast_strlen_zero(one) && !strcmp(one, number)) {
			return 1;
		}
	}
	return 0;
}

/*! \brief Answers where the index does not. */
static void without_verdict(const struct tg_state *state, const struct tg_request *request,
	struct tg_result *result)
{
	memset(&result->verdict, 0, sizeof(result->verdict));
	result->verdict.action = state->settings.direction[request->direction].on_error;
}

/*!
 * \brief Asks the index; where it has no such profile, an emergency call goes out all the same.
 * \param flags Those of the query.
 */
static void ask(const struct tg_state *state, const struct tg_request *request, uint32_t flags,
	struct tg_result *result)
{
	struct tollgate_query query = TOLLGATE_QUERY_INIT;
	const struct tollgate_query *asked = &query;
	size_t length = strlen(request->number);

	query.profile = S_OR(request->profile, state->settings.profile);
	query.direction = request->direction;
	query.flags = flags;
	if (!flags && request->direction == TOLLGATE_OUTBOUND && !strcmp(query.profile, "default")) {
		/* The question of most calls: nothing has to be looked up for it. */
		asked = NULL;
	}
	if (tollgate_screen(state->gate->gate, asked, request->number, length, &result->verdict) == TOLLGATE_OK) {
		return;
	}
	tg_printable(result->error, sizeof(result->error), tollgate_last_error());
	/*
	 * Emergency numbers are the same in every profile, and there is always a default one. A call that is none is
	 * not judged by that, and so not counted: only one that is, when it is asked about for the second time.
	 */
	query.profile = NULL;
	query.flags = TOLLGATE_UNCOUNTED;
	for (;;) {
		if (tollgate_screen(state->gate->gate, &query, request->number, length, &result->verdict) != TOLLGATE_OK
			|| result->verdict.reason != TOLLGATE_REASON_EMERGENCY) {
			without_verdict(state, request, result);
			return;
		}
		if (query.flags == flags) {
			return;
		}
		query.flags = flags;
	}
}

static void judge(const struct tg_request *request, uint32_t flags, struct tg_result *result)
{
	const struct tg_state *state;
	int section;

	result->direction = request->direction;
	result->error[0] = '\0';
	tg_printable(result->dialled, sizeof(result->dialled), request->number);
	state = tg_state_enter(&section);
	if (!state) {
		tg_refuse(request->direction, request->number, "the module is being unloaded", result);
	} else if (state->gate) {
		ask(state, request, flags, result);
	} else {
		snprintf(result->error, sizeof(result->error), "there is no index: %.230s", state->problem);
		without_verdict(state, request, result);
		if (request->direction == TOLLGATE_OUTBOUND && is_emergency(&state->settings, request->number)) {
			result->verdict.action = TOLLGATE_ALLOW;
			result->verdict.reason = TOLLGATE_REASON_EMERGENCY;
		}
	}
	tg_state_leave(section);
}

void tg_judge(const struct tg_request *request, struct tg_result *result)
{
	judge(request, 0, result);
}

int tg_judge_emergency(const char *number, struct tg_result *result)
{
	const struct tg_request request = { .number = number, .direction = TOLLGATE_OUTBOUND };
	/* Counted only where it is one: the other is refused, whatever the index says. */
	uint32_t flags = TOLLGATE_UNCOUNTED;

	for (;;) {
		judge(&request, flags, result);
		if (result->verdict.action != TOLLGATE_ALLOW || result->verdict.reason != TOLLGATE_REASON_EMERGENCY) {
			return 0;
		}
		if (!flags) {
			return 1;
		}
		flags = 0;
	}
}

void tg_refuse(int direction, const char *text, const char *why, struct tg_result *result)
{
	memset(&result->verdict, 0, sizeof(result->verdict));
	result->direction = direction;
	result->verdict.action = TOLLGATE_BLOCK;
	tg_printable(result->dialled, sizeof(result->dialled), text);
	ast_copy_string(result->error, why, sizeof(result->error));
}

int tg_is_news(const struct tg_result *result)
{
	return result->verdict.action != TOLLGATE_ALLOW || result->error[0];
}

void tg_tell(struct ast_channel *chan, const struct tg_result *result)
{
	const char *direction = tollgate_direction_text(result->direction);
	const char *preposition = result->direction == TOLLGATE_INBOUND ? "from" : "to";
	char text[256];

	if (result->error[0]) {
		ast_log(LOG_WARNING, "%s: %s call %s '%s' is %s without a verdict: %s\n", ast_channel_name(chan),
			direction, preposition, result->dialled,
			result->verdict.action == TOLLGATE_ALLOW ? "allowed" : "blocked", result->error);
	} else if (result->verdict.action != TOLLGATE_ALLOW) {
		tollgate_verdict_text(&result->verdict, text, sizeof(text));
		ast_log(LOG_NOTICE, "%s: %s call %s '%s', profile %s: %s\n", ast_channel_name(chan), direction,
			preposition, result->dialled, result->verdict.profile, text);
	}
	if (result->verdict.action != TOLLGATE_ALLOW) {
		tg_ami_blocked(chan, result);
	}
}

const char *tg_result_field(const struct tg_result *result, const char *field, char *buf, size_t size)
{
	const struct tollgate_verdict *verdict = &result->verdict;

	if (!strcasecmp(field, "action")) {
		return tollgate_action_text(verdict->action);
	} else if (!strcasecmp(field, "reason")) {
		return verdict->reason ? tollgate_reason_text(verdict->reason) : "error";
	} else if (!strcasecmp(field, "number")) {
		return verdict->number;
	} else if (!strcasecmp(field, "region")) {
		return verdict->region;
	} else if (!strcasecmp(field, "type")) {
		return verdict->reason ? tollgate_number_type_text(verdict->number_type) : "";
	} else if (!strcasecmp(field, "list")) {
		return verdict->list;
	} else if (!strcasecmp(field, "rule")) {
		return verdict->rule_text;
	} else if (!strcasecmp(field, "matched")) {
		snprintf(buf, size, "%d", verdict->matched);
		return buf;
	} else if (!strcasecmp(field, "would_block")) {
		return verdict->would_block ? "1" : "0";
	} else if (!strcasecmp(field, "shadow")) {
		return verdict->shadow;
	} else if (!strcasecmp(field, "profile")) {
		return verdict->profile;
	} else if (!strcasecmp(field, "direction")) {
		return tollgate_direction_text(result->direction);
	} else if (!strcasecmp(field, "dialled")) {
		return result->dialled;
	} else if (!strcasecmp(field, "error")) {
		return result->error;
	} else if (!strcasecmp(field, "text")) {
		if (result->error[0]) {
			snprintf(buf, size, "%s error: %s", tollgate_action_text(verdict->action), result->error);
		} else {
			tollgate_verdict_text(verdict, buf, size);
		}
		return buf;
	}
	return NULL;
}
