/*
 * screen.c: a call is screened: the question that a dialplan asks, the answer, and what is done with it.
 *
 * Licensed under MIT or Apache-2.0, at your option.
 */

#include "mod_tollgate.h"

/* --- what could not be screened --- */

static uint64_t errors[TG_ERRORS][TG_DIRECTIONS];

const char *tg_error_text(tg_error_t error)
{
	switch (error) {
	case TG_ERROR_NO_INDEX:
		return "no_index";
	case TG_ERROR_UNKNOWN_PROFILE:
		return "unknown_profile";
	case TG_ERROR_UNKNOWN_REGION:
		return "unknown_region";
	case TG_ERROR_BAD_ARGUMENTS:
		return "bad_arguments";
	case TG_ERROR_INTERNAL:
		return "internal";
	case TG_ERROR_NONE:
	case TG_ERRORS:
		break;
	}
	return "";
}

uint64_t tg_errors_counted(tg_error_t error, int32_t direction)
{
	return __atomic_load_n(&errors[error][direction], __ATOMIC_RELAXED);
}

void tg_errors_reset(void)
{
	memset(errors, 0, sizeof(errors));
}

/* --- the question --- */

/* The value of "name=value"; NULL: the word is something else. */
static const char *value_of(const char *word, const char *name)
{
	size_t length = strlen(name);

	return !strncasecmp(word, name, length) && word[length] == '=' ? word + length + 1 : NULL;
}

/* An argument without a value, as profile=${unset} is one, asks for the default. */
static const char *or_default(const char *value)
{
	return *value ? value : NULL;
}

typedef enum {
	ARGUMENT_NONE,
	ARGUMENT_DIRECTION,
	ARGUMENT_PROFILE,
	ARGUMENT_HOME,
	ARGUMENT_FORMAT,
	ARGUMENT_CAUSE
} argument_t;

static const char *const argument_texts[] = { "", "direction", "profile", "home region", "format", "cause" };

static argument_t argument_of(const char *word, const char **value)
{
	*value = NULL;
	if (!strcasecmp(word, "outbound") || !strcasecmp(word, "inbound")) {
		return ARGUMENT_DIRECTION;
	}
	return (*value = value_of(word, "profile")) ? ARGUMENT_PROFILE :
		(*value = value_of(word, "home")) ? ARGUMENT_HOME :
		(*value = value_of(word, "format")) ? ARGUMENT_FORMAT :
		(*value = value_of(word, "cause")) ? ARGUMENT_CAUSE : ARGUMENT_NONE;
}

switch_bool_t tg_question_parse(tg_question_t *question, char *text, switch_bool_t bare, char *error, size_t size)
{
	char *p = text;
	unsigned given = 0;
	char printable[128];

	memset(question, 0, sizeof(*question));
	question->direction = TOLLGATE_OUTBOUND;
	for (;;) {
		argument_t argument;
		const char *value;
		char *word, *end;
		char ended;

		while (*p == ' ') {
			p++;
		}
		if (!*p) {
			return SWITCH_TRUE;
		}
		word = p;
		if ((value = value_of(word, "number"))) {
			question->number = value;
			return SWITCH_TRUE;
		}
		for (end = p; *end && *end != ' '; end++);
		ended = *end;
		*end = '\0';
		if ((argument = argument_of(word, &value)) == ARGUMENT_NONE) {
			if (bare) {
				*end = ended;
				question->number = word;
				return SWITCH_TRUE;
			}
			switch_snprintf(error, size, "\"%s\" is no argument; a number is written number=…, behind all others",
							tg_printable(word, printable, sizeof(printable)));
			return SWITCH_FALSE;
		}
		/* Of two, neither can be meant: one of them came from somewhere else. */
		if (given & 1u << argument) {
			switch_snprintf(error, size, "\"%s\" is a second %s; take one out", tg_printable(word, printable, sizeof(printable)),
							argument_texts[argument]);
			return SWITCH_FALSE;
		}
		given |= 1u << argument;
		switch (argument) {
		case ARGUMENT_DIRECTION:
			question->direction = !strcasecmp(word, "inbound") ? TOLLGATE_INBOUND : TOLLGATE_OUTBOUND;
			break;
		case ARGUMENT_PROFILE:
			question->profile = or_default(value);
			break;
		case ARGUMENT_HOME:
			question->home = or_default(value);
			break;
		case ARGUMENT_FORMAT:
			question->format = or_default(value);
			break;
		case ARGUMENT_CAUSE:
			if (*value && !tg_cause_parse(value, &question->cause)) {
				switch_snprintf(error, size, "cause=%s: FreeSWITCH has no such hang-up cause",
								tg_printable(value, printable, sizeof(printable)));
				return SWITCH_FALSE;
			}
			question->cause_given = *value ? SWITCH_TRUE : SWITCH_FALSE;
			break;
		case ARGUMENT_NONE:
			break;
		}
		if (!ended) {
			return SWITCH_TRUE;
		}
		p = end + 1;
	}
}

void tg_question_query(const tg_service_t *service, const tg_question_t *question, struct tollgate_query *query)
{
	const struct tollgate_query init = TOLLGATE_QUERY_INIT;

	*query = init;
	query->profile = question->profile ? question->profile : service->settings.default_profile;
	query->home = question->home;
	query->direction = question->direction;
}

const char *tg_question_number(const tg_question_t *question, switch_core_session_t *session)
{
	switch_caller_profile_t *caller;

	if (question->number) {
		return question->number;
	}
	if (!session || !(caller = switch_channel_get_caller_profile(switch_core_session_get_channel(session)))) {
		return NULL;
	}
	/* From the channel itself: what was dialled never passes through the dialplan's text. */
	return switch_str_nil(question->direction == TOLLGATE_INBOUND ? caller->caller_id_number : caller->destination_number);
}

/* --- the answer --- */

static switch_bool_t is_listed(const char *list, const char *number)
{
	size_t length = strlen(number);
	const char *p = list;

	while (length && *p) {
		const char *end;

		while (*p == ' ' || *p == ',') {
			p++;
		}
		for (end = p; *end && *end != ',' && *end != ' '; end++);
		if ((size_t) (end - p) == length && !memcmp(p, number, length)) {
			return SWITCH_TRUE;
		}
		p = end;
	}
	return SWITCH_FALSE;
}

/* Nothing in a configuration may stop an emergency call: not an unknown profile, and no missing index. */
static switch_bool_t is_emergency(const tg_service_t *service, const tg_question_t *question, const char *number,
								  struct tollgate_verdict *verdict)
{
	if (service->gate) {
		struct tollgate_query query = TOLLGATE_QUERY_INIT;

		query.direction = question->direction;
		/* The call is counted as not screened, and what on-error blocks was not allowed. */
		query.flags = TOLLGATE_UNCOUNTED;
		return tollgate_screen_text(service->gate, &query, number, verdict) == TOLLGATE_OK &&
			verdict->reason == TOLLGATE_REASON_EMERGENCY ? SWITCH_TRUE : SWITCH_FALSE;
	}
	if (question->direction == TOLLGATE_OUTBOUND && is_listed(service->settings.emergency, number)) {
		memset(verdict, 0, sizeof(*verdict));
		verdict->action = TOLLGATE_ALLOW;
		verdict->reason = TOLLGATE_REASON_EMERGENCY;
		return SWITCH_TRUE;
	}
	return SWITCH_FALSE;
}

static void answer_error(const tg_service_t *service, const tg_question_t *question, const char *number, tg_error_t error,
						 tg_answer_t *answer)
{
	answer->error = error;
	__atomic_add_fetch(&errors[error][question->direction], 1, __ATOMIC_RELAXED);
	if (is_emergency(service, question, number, &answer->verdict)) {
		answer->reason = tollgate_reason_text(TOLLGATE_REASON_EMERGENCY);
		return;
	}
	memset(&answer->verdict, 0, sizeof(answer->verdict));
	answer->reason = "error";
	answer->verdict.action = service->settings.block_on_error[question->direction] ? TOLLGATE_BLOCK : TOLLGATE_ALLOW;
}

void tg_judge(const tg_service_t *service, const tg_question_t *question, const char *number, tg_answer_t *answer)
{
	struct tollgate_query query;
	tollgate_status status;

	answer->error = TG_ERROR_NONE;
	*answer->message = '\0';
	if (!service->gate) {
		switch_copy_string(answer->message, switch_str_nil(service->error), sizeof(answer->message));
		answer_error(service, question, number, TG_ERROR_NO_INDEX, answer);
		return;
	}
	tg_question_query(service, question, &query);
	if ((status = tollgate_screen_text(service->gate, &query, number, &answer->verdict)) == TOLLGATE_OK) {
		answer->reason = tollgate_reason_text(answer->verdict.reason);
		return;
	}
	/* The library escapes what may have come with the call: the name of a profile or region. */
	switch_copy_string(answer->message, tollgate_last_error(), sizeof(answer->message));
	answer_error(service, question, number,
				 status == TOLLGATE_UNKNOWN_PROFILE ? TG_ERROR_UNKNOWN_PROFILE :
				 status == TOLLGATE_UNKNOWN_REGION ? TG_ERROR_UNKNOWN_REGION : TG_ERROR_INTERNAL, answer);
}

void tg_judge_channel(const tg_service_t *service, const tg_question_t *question, switch_core_session_t *session,
					  const char *number, tg_answer_t *answer)
{
	switch_caller_profile_t *caller;

	tg_judge(service, question, number, answer);
	/*
	 * "Privacy: id" hides a number from who is called, which the network has told us in P-Asserted-Identity.
	 * Both are judged: lists see the number, and the profile's `anonymous` sees that it is withheld. A list
	 * that allows the number has the last word, as it has for a number that the profile would block.
	 */
	if (question->direction != TOLLGATE_INBOUND || question->number || answer->error || !session ||
		answer->verdict.action != TOLLGATE_ALLOW || answer->verdict.reason == TOLLGATE_REASON_EMERGENCY ||
		answer->verdict.reason == TOLLGATE_REASON_LIST || answer->verdict.reason == TOLLGATE_REASON_ANONYMOUS) {
		return;
	}
	if ((caller = switch_channel_get_caller_profile(switch_core_session_get_channel(session))) &&
		switch_test_flag(caller, SWITCH_CPF_HIDE_NUMBER)) {
		tg_answer_t withheld;

		tg_judge(service, question, "", &withheld);
		if (!withheld.error && withheld.verdict.action != TOLLGATE_ALLOW) {
			*answer = withheld;
		}
	}
}

/* --- the application --- */

const char *tg_printable(const char *text, char *out, size_t size)
{
	static const char hex[] = "0123456789ABCDEF";
	const unsigned char *p = (const unsigned char *) switch_str_nil(text);
	size_t used = 0;

	for (; *p; p++) {
		if (*p >= 0x20 && *p < 0x7F && *p != '\\') {
			if (used + 1 >= size) {
				break;
			}
			out[used++] = (char) *p;
		} else {
			if (used + 4 >= size) {
				break;
			}
			out[used++] = '\\';
			out[used++] = 'x';
			out[used++] = hex[*p >> 4];
			out[used++] = hex[*p & 15];
		}
	}
	if (size) {
		out[used] = '\0';
	}
	return out;
}

/* All of them are set by every screening, so that none tells of the one before. */
static void set_variables(switch_channel_t *channel, const tg_question_t *question, const tg_answer_t *answer)
{
	const struct tollgate_verdict *verdict = &answer->verdict;
	char matched[8];
	const struct {
		const char *name, *value;
	} variables[] = {
		{"tollgate_reason", answer->reason},
		{"tollgate_number", verdict->number},
		{"tollgate_region", verdict->region},
		{"tollgate_type", answer->error ? "" : tollgate_number_type_text(verdict->number_type)},
		{"tollgate_rule", verdict->rule_text},
		{"tollgate_matched", matched},
		{"tollgate_list", verdict->list},
		{"tollgate_shadow", verdict->shadow},
		{"tollgate_profile", verdict->profile},
		{"tollgate_direction", tollgate_direction_text(question->direction)},
		{"tollgate_error", tg_error_text(answer->error)},
		{"tollgate_action", verdict->action == TOLLGATE_ALLOW ? "allow" : "block"},
	};
	size_t i;

	switch_snprintf(matched, sizeof(matched), "%u", (unsigned) verdict->matched);
	for (i = 0; i < sizeof(variables) / sizeof(variables[0]); i++) {
		const char *value = variables[i].value;

		/* What FreeSWITCH would refuse as a value, a name of the policy with ${…} in it, must not leave the old
		 * one there. */
		switch_channel_set_variable_var_check(channel, variables[i].name,
											  *value && !switch_string_var_check_const(value) ? value : NULL, SWITCH_FALSE);
	}
}

static void log_answer(switch_core_session_t *session, const tg_question_t *question, const char *number,
					   const tg_answer_t *answer)
{
	const struct tollgate_verdict *verdict = &answer->verdict;
	switch_bool_t blocked = verdict->action == TOLLGATE_ALLOW ? SWITCH_FALSE : SWITCH_TRUE;
	char text[320], printable[TG_MESSAGE];

	tg_printable(number, printable, sizeof(printable));
	if (answer->error) {
		switch_log_printf(SWITCH_CHANNEL_SESSION_LOG(session), SWITCH_LOG_ERROR,
						  "tollgate: %s by %s: %s [%s, %s]: %s\n", blocked ? "block" : "allow",
						  !strcmp(answer->reason, "error") ? "on-error" : answer->reason, tg_error_text(answer->error),
						  printable, tollgate_direction_text(question->direction), answer->message);
		return;
	}
	tollgate_verdict_text(verdict, text, sizeof(text));
	if (blocked || verdict->would_block) {
		switch_log_printf(SWITCH_CHANNEL_SESSION_LOG(session), SWITCH_LOG_NOTICE, "tollgate: %s [%s, %s, profile %s]\n", text,
						  printable, tollgate_direction_text(question->direction), verdict->profile);
	} else {
		switch_log_printf(SWITCH_CHANNEL_SESSION_LOG(session), SWITCH_LOG_DEBUG, "tollgate: %s [%s, %s, profile %s]\n", text,
						  printable, tollgate_direction_text(question->direction), verdict->profile);
	}
}

void tg_application(switch_core_session_t *session, const char *data)
{
	switch_channel_t *channel = switch_core_session_get_channel(session);
	char *text = switch_core_session_strdup(session, switch_str_nil(data));
	const tg_service_t *service;
	tg_question_t question;
	tg_answer_t answer;
	const char *number;
	switch_call_cause_t cause;
	switch_bool_t blocked;
	unsigned hold;

	*answer.message = '\0';
	if (tg_question_parse(&question, text, SWITCH_FALSE, answer.message, sizeof(answer.message))) {
		number = switch_str_nil(tg_question_number(&question, session));
		service = tg_service_take(&hold);
		tg_judge_channel(service, &question, session, number, &answer);
	} else {
		/* What was read of the arguments may be a stranger's: the call is taken for an outbound one, and
		   nothing that is set lets it go on. */
		question.direction = TOLLGATE_OUTBOUND;
		question.cause_given = SWITCH_FALSE;
		number = switch_str_nil(tg_question_number(&question, session));
		service = tg_service_take(&hold);
		answer_error(service, &question, number, TG_ERROR_BAD_ARGUMENTS, &answer);
		if (answer.verdict.reason != TOLLGATE_REASON_EMERGENCY) {
			answer.verdict.action = TOLLGATE_BLOCK;
		}
	}
	cause = question.cause_given ? question.cause : service->settings.cause[question.direction];
	tg_service_give(hold);

	blocked = answer.verdict.action == TOLLGATE_ALLOW ? SWITCH_FALSE : SWITCH_TRUE;
	set_variables(channel, &question, &answer);
	log_answer(session, &question, number, &answer);
	if (blocked || answer.verdict.would_block) {
		tg_event_call(session, &question, number, &answer, TG_ASKED_BY_APPLICATION, cause);
	}
	if (blocked && cause != SWITCH_CAUSE_NONE) {
		switch_channel_hangup(channel, cause);
	}
}
