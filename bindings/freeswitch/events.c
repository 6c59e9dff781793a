/*
 * events.c: tollgate::block, tollgate::would_block and tollgate::reload.
 *
 * Licensed under MIT or Apache-2.0, at your option.
 */

#include "mod_tollgate.h"

#define EVENT_BLOCK "tollgate::block"
#define EVENT_WOULD_BLOCK "tollgate::would_block"
#define EVENT_RELOAD "tollgate::reload"

static const char *const events[] = { EVENT_BLOCK, EVENT_WOULD_BLOCK, EVENT_RELOAD };

#define EVENTS (sizeof(events) / sizeof(events[0]))

switch_status_t tg_events_start(void)
{
	size_t i;

	for (i = 0; i < EVENTS; i++) {
		if (switch_event_reserve_subclass(events[i]) != SWITCH_STATUS_SUCCESS) {
			while (i > 0) {
				switch_event_free_subclass(events[--i]);
			}
			return SWITCH_STATUS_FALSE;
		}
	}
	return SWITCH_STATUS_SUCCESS;
}

void tg_events_stop(void)
{
	size_t i;

	for (i = 0; i < EVENTS; i++) {
		switch_event_free_subclass(events[i]);
	}
}

static void add(switch_event_t *event, const char *name, const char *value)
{
	if (!zstr(value)) {
		switch_event_add_header_string(event, SWITCH_STACK_BOTTOM, name, value);
	}
}

/*
 * Which call it is, without its variables. These are a hundred headers, which cost four times as much as a command in
 * ${…} does otherwise: FreeSWITCH tells them in its own events, and uuid_dump does.
 */
static void add_call(switch_event_t *event, switch_core_session_t *session)
{
	switch_channel_t *channel = switch_core_session_get_channel(session);
	switch_caller_profile_t *caller = switch_channel_get_caller_profile(channel);
	const char *call_id = switch_channel_get_variable_dup(channel, "sip_call_id", SWITCH_FALSE, -1);

	add(event, "Unique-ID", switch_core_session_get_uuid(session));
	add(event, "Channel-Name", switch_channel_get_name(channel));
	if (caller) {
		add(event, "Caller-Caller-ID-Number", caller->caller_id_number);
		add(event, "Caller-Destination-Number", caller->destination_number);
		add(event, "Caller-Context", caller->context);
	}
	add(event, "variable_sip_call_id", call_id);
}

void tg_event_call(switch_core_session_t *session, const tg_question_t *question, const char *number,
				   const tg_answer_t *answer, tg_asked_t asked, switch_call_cause_t cause)
{
	const struct tollgate_verdict *verdict = &answer->verdict;
	switch_bool_t blocked = verdict->action == TOLLGATE_ALLOW ? SWITCH_FALSE : SWITCH_TRUE;
	switch_event_t *event;
	char printable[TG_MESSAGE];

	if (switch_event_create_subclass(&event, SWITCH_EVENT_CUSTOM, blocked ? EVENT_BLOCK : EVENT_WOULD_BLOCK) !=
		SWITCH_STATUS_SUCCESS) {
		return;
	}
	add(event, "Tollgate-Action", blocked ? "block" : "allow");
	add(event, "Tollgate-Reason", answer->reason);
	add(event, "Tollgate-Direction", tollgate_direction_text(question->direction));
	add(event, "Tollgate-Dialled", tg_printable(number, printable, sizeof(printable)));
	add(event, "Tollgate-Number", verdict->number);
	add(event, "Tollgate-Region", verdict->region);
	add(event, "Tollgate-Type", answer->error ? NULL : tollgate_number_type_text(verdict->number_type));
	add(event, "Tollgate-Rule", verdict->rule_text);
	add(event, "Tollgate-List", verdict->list);
	add(event, "Tollgate-Shadow", verdict->shadow);
	add(event, "Tollgate-Profile", verdict->profile);
	if (answer->error) {
		add(event, "Tollgate-Error", tg_error_text(answer->error));
		add(event, "Tollgate-Message", answer->message);
	}
	add(event, "Tollgate-Asked-By", asked == TG_ASKED_BY_COMMAND ? "command" : "application");
	if (blocked && asked == TG_ASKED_BY_APPLICATION) {
		add(event, "Tollgate-Cause", cause == SWITCH_CAUSE_NONE ? "none" : switch_channel_cause2str(cause));
	}
	if (asked == TG_ASKED_BY_APPLICATION) {
		switch_channel_event_set_data(switch_core_session_get_channel(session), event);
	} else {
		add_call(event, session);
	}
	switch_event_fire(&event);
}

void tg_event_reload(const tg_reload_t *reload)
{
	switch_event_t *event;

	if (switch_event_create_subclass(&event, SWITCH_EVENT_CUSTOM, EVENT_RELOAD) != SWITCH_STATUS_SUCCESS) {
		return;
	}
	add(event, "Tollgate-Result", tg_reload_text(reload->result));
	add(event, "Tollgate-Trigger", reload->trigger);
	add(event, "Tollgate-Index", reload->index);
	if (reload->result == TG_RELOAD_REFUSED) {
		add(event, "Tollgate-Status", tollgate_status_text(reload->status));
		add(event, "Tollgate-Message", reload->message);
	} else {
		switch_event_add_header(event, SWITCH_STACK_BOTTOM, "Tollgate-Generation", "%" SWITCH_UINT64_T_FMT,
								reload->generation);
		switch_event_add_header(event, SWITCH_STACK_BOTTOM, "Tollgate-Entries-Before", "%" SWITCH_UINT64_T_FMT,
								reload->entries_before);
		switch_event_add_header(event, SWITCH_STACK_BOTTOM, "Tollgate-Entries", "%" SWITCH_UINT64_T_FMT,
								reload->entries);
	}
	switch_event_fire(&event);
}
