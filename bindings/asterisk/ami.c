/*
 * Tollgate for Asterisk.
 *
 * Licensed under MIT or Apache-2.0, at your option.
 */

/*! \file
 * \brief The manager interface: the action TollgateScreen, the event TollgateBlocked.
 */

#include "tollgate_module.h"

#include "asterisk/manager.h"
#include "asterisk/module.h"
#include "asterisk/strings.h"
#include "asterisk/utils.h"

/*** DOCUMENTATION
	<manager name="TollgateScreen" language="en_US" module="res_tollgate">
		<synopsis>
			Says what would become of a call.
		</synopsis>
		<syntax>
			<parameter name="ActionID">
				<para>ActionID for this transaction. Will be returned.</para>
			</parameter>
			<parameter name="Number" required="true">
				<para>What is dialled, or the caller's number; empty for a withheld one.</para>
			</parameter>
			<parameter name="Profile">
				<para>The profile; without it, that of <literal>tollgate.conf</literal>.</para>
			</parameter>
			<parameter name="Direction">
				<para><literal>outbound</literal>, which is the default, or <literal>inbound</literal>.</para>
			</parameter>
		</syntax>
		<description>
			<para>Answers with the headers of the event <literal>TollgateBlocked</literal> from
			<literal>Direction</literal> on. Needs the privilege <literal>call</literal> or
			<literal>reporting</literal>. The question is counted as a call's, and raises no event.</para>
		</description>
	</manager>
	<managerEvent language="en_US" name="TollgateBlocked" module="res_tollgate">
		<managerEventInstance class="EVENT_FLAG_CALL">
			<synopsis>Raised when a call is blocked.</synopsis>
			<syntax>
				<parameter name="Channel"><para>The call's channel.</para></parameter>
				<parameter name="Uniqueid"><para>Its unique id.</para></parameter>
				<parameter name="Linkedid"><para>The unique id of the oldest channel of the call.</para></parameter>
				<parameter name="CallerIDNum"><para>The caller's number.</para></parameter>
				<parameter name="Context"><para>Where in the dialplan the call was.</para></parameter>
				<parameter name="Exten"><para>Its extension.</para></parameter>
				<parameter name="Direction"><para><literal>outbound</literal> or
				<literal>inbound</literal>.</para></parameter>
				<parameter name="Dialled"><para>What was asked about, as TOLLGATE_RESULT has it.</para></parameter>
				<parameter name="Verdict"><para><literal>block</literal>; of TollgateScreen,
				<literal>allow</literal> as well.</para></parameter>
				<parameter name="Reason"><para>Which step decided, or <literal>error</literal>.</para></parameter>
				<parameter name="Number"><para>The number that was judged, E.164 with a plus.</para></parameter>
				<parameter name="Region"><para>Its country.</para></parameter>
				<parameter name="Type"><para>Its type.</para></parameter>
				<parameter name="List"><para>The list that decided.</para></parameter>
				<parameter name="Rule"><para>The rule that decided.</para></parameter>
				<parameter name="Profile"><para>The profile that was asked.</para></parameter>
				<parameter name="WouldBlock"><para>1 where a <literal>log</literal> list would have blocked the
				call.</para></parameter>
				<parameter name="Error"><para>Why there was no verdict.</para></parameter>
			</syntax>
			<see-also>
				<ref type="application">Tollgate</ref>
				<ref type="manager">TollgateScreen</ref>
			</see-also>
		</managerEventInstance>
	</managerEvent>
 ***/

static const char screen_action[] = "TollgateScreen";

/*! What action and event say of a result, in this order: header and field. */
static const struct {
	const char *header;
	const char *field;
} headers[] = {
	{ "Direction", "direction" },
	{ "Dialled", "dialled" },
	{ "Verdict", "action" },
	{ "Reason", "reason" },
	{ "Number", "number" },
	{ "Region", "region" },
	{ "Type", "type" },
	{ "List", "list" },
	{ "Rule", "rule" },
	{ "Profile", "profile" },
	{ "WouldBlock", "would_block" },
	{ "Error", "error" },
};

/*! \brief All headers of a result. \retval NULL where there is no memory. */
static struct ast_str *describe(const struct tg_result *result)
{
	struct ast_str *text = ast_str_create(512);
	char buf[256];
	char value[256];
	size_t i;

	if (!text) {
		return NULL;
	}
	for (i = 0; i < ARRAY_LEN(headers); i++) {
		/* Names may be any text without control characters; here they are not to end a line. */
		tg_printable(value, sizeof(value), tg_result_field(result, headers[i].field, buf, sizeof(buf)));
		ast_str_append(&text, 0, "%s: %s\r\n", headers[i].header, value);
	}
	return text;
}

static int handle_screen(struct mansession *s, const struct message *m)
{
	struct tg_request request = { NULL, };
	struct tg_result result;
	struct ast_str *text;
	const char *action_id;
	const char *number = NULL;
	unsigned int i;

	/* A number that is empty is a withheld one; one that is not there is a mistake. */
	for (i = 0; i < m->hdrcount; i++) {
		if (!strncasecmp(m->headers[i], "Number:", 7)) {
			number = astman_get_header(m, "Number");
		}
	}
	if (!number) {
		astman_send_error(s, m, "Number is missing");
		return 0;
	}
	request.number = number;
	request.profile = astman_get_header(m, "Profile");
	request.direction = tg_direction_parse(astman_get_header(m, "Direction"));
	if (request.direction < 0) {
		astman_send_error(s, m, "Direction is neither outbound nor inbound");
		return 0;
	}
	tg_judge(&request, &result);
	text = describe(&result);
	if (!text) {
		astman_send_error(s, m, "There is no memory");
		return 0;
	}
	action_id = astman_get_header(m, "ActionID");
	astman_append(s, "Response: Success\r\n");
	if (!ast_strlen_zero(action_id)) {
		astman_append(s, "ActionID: %s\r\n", action_id);
	}
	astman_append(s, "%s\r\n", ast_str_buffer(text));
	ast_free(text);
	return 0;
}

void tg_ami_blocked(struct ast_channel *chan, const struct tg_result *result)
{
	char context[AST_MAX_CONTEXT];
	char exten[AST_MAX_EXTENSION];
	char caller[AST_MAX_EXTENSION];
	char name[AST_CHANNEL_NAME];
	char uniqueid[AST_MAX_PUBLIC_UNIQUEID];
	char linkedid[AST_MAX_PUBLIC_UNIQUEID];
	struct ast_str *text = describe(result);

	if (!text) {
		return;
	}
	ast_channel_lock(chan);
	tg_printable(name, sizeof(name), ast_channel_name(chan));
	tg_printable(uniqueid, sizeof(uniqueid), ast_channel_uniqueid(chan));
	tg_printable(linkedid, sizeof(linkedid), ast_channel_linkedid(chan));
	tg_printable(context, sizeof(context), ast_channel_context(chan));
	tg_printable(exten, sizeof(exten), ast_channel_exten(chan));
	tg_printable(caller, sizeof(caller),
		S_COR(ast_channel_caller(chan)->id.number.valid, ast_channel_caller(chan)->id.number.str, ""));
	ast_channel_unlock(chan);
	ast_manager_event(chan, EVENT_FLAG_CALL, "TollgateBlocked",
		"Channel: %s\r\n"
		"Uniqueid: %s\r\n"
		"Linkedid: %s\r\n"
		"CallerIDNum: %s\r\n"
		"Context: %s\r\n"
		"Exten: %s\r\n"
		"%s",
		name, uniqueid, linkedid, caller, context, exten, ast_str_buffer(text));
	ast_free(text);
}

static int registered;

int tg_ami_register(void)
{
	if (!registered) {
		registered = !ast_manager_register_xml(screen_action, EVENT_FLAG_CALL | EVENT_FLAG_REPORTING,
			handle_screen);
		if (!registered) {
			ast_log(LOG_ERROR, "The manager's action %s cannot be registered\n", screen_action);
		}
	}
	return registered ? 0 : -1;
}

void tg_ami_unregister(void)
{
	if (registered) {
		ast_manager_unregister(screen_action);
		registered = 0;
	}
}
