/*
 * Tollgate for Asterisk.
 *
 * Licensed under MIT or Apache-2.0, at your option.
 */

/*! \file
 * \brief TOLLGATE, TOLLGATE_RESULT and Tollgate: what a dialplan has.
 */

#include "tollgate_module.h"

#include "asterisk/astobj2.h"
#include "asterisk/datastore.h"
#include "asterisk/module.h"
#include "asterisk/pbx.h"
#include "asterisk/strings.h"
#include "asterisk/utils.h"

/*** DOCUMENTATION
	<function name="TOLLGATE" language="en_US" module="res_tollgate">
		<synopsis>
			Says whether a call may go out or come in, by its number.
		</synopsis>
		<syntax>
			<parameter name="number" required="true">
				<para>What was dialled, or the caller's number, in any spelling. Empty is a withheld
				number.</para>
			</parameter>
			<parameter name="profile">
				<para>The rules that hold, of those that the policy has. Without it, that of
				<literal>tollgate.conf</literal>.</para>
			</parameter>
			<parameter name="direction">
				<enumlist>
					<enum name="outbound"><para>The number was dialled. This is the default.</para></enum>
					<enum name="inbound"><para>The number is the caller's.</para></enum>
				</enumlist>
			</parameter>
		</syntax>
		<description>
			<para>Gives <literal>allow</literal> or <literal>block</literal>, never anything else.
			<literal>TOLLGATE_RESULT</literal> says why. A call that is blocked is noted in the log, and
			raises the event <literal>TollgateBlocked</literal>.</para>
			<para>Where there is no verdict (there is no index, or it has no such profile)
			<literal>on_error</literal> of the direction decides.</para>
			<para>Give all three arguments where the number is one that somebody dialled or sent: then a
			comma in it makes too many, and the call is blocked. A comma in <literal>${EXTEN}</literal> or in
			the caller's number is found in any case.</para>
			<example title="Block, with a cause of your own">
			same => n,GotoIf($["${TOLLGATE(${EXTEN},default,outbound)}" = "allow"]?:blocked)
			same => n,Dial(PJSIP/${EXTEN}@trunk)
			same => n,Hangup()
			same => n(blocked),Hangup(21)
			</example>
			<warning><para>Where the module is not loaded a function is empty, and the dialplan goes on.
			Compare with <literal>allow</literal>, as above, and not with
			<literal>block</literal>.</para></warning>
		</description>
		<see-also>
			<ref type="function">TOLLGATE_RESULT</ref>
			<ref type="application">Tollgate</ref>
		</see-also>
	</function>
	<function name="TOLLGATE_RESULT" language="en_US" module="res_tollgate">
		<synopsis>
			Says more of the channel's last answer by TOLLGATE or Tollgate.
		</synopsis>
		<syntax>
			<parameter name="field" required="true">
				<enumlist>
					<enum name="action"><para><literal>allow</literal> or <literal>block</literal></para></enum>
					<enum name="reason"><para>Which step decided: <literal>emergency</literal>,
					<literal>list</literal>, <literal>type</literal>, <literal>country</literal>,
					<literal>default</literal>, <literal>unassigned</literal>, <literal>invalid</literal>,
					<literal>anonymous</literal>, <literal>short</literal>, <literal>internal</literal>; or
					<literal>error</literal> where there was no verdict</para></enum>
					<enum name="number"><para>The number that was judged, E.164 with a plus; empty where there is
					none</para></enum>
					<enum name="region"><para>Its country, ISO 3166-1 alpha-2</para></enum>
					<enum name="type"><para>Its type, as <literal>mobile</literal> or
					<literal>premium_rate</literal></para></enum>
					<enum name="list"><para>The list that decided</para></enum>
					<enum name="rule"><para>The rule that decided: an entry, a type, a country</para></enum>
					<enum name="matched"><para>How many digits the entry or prefix covers</para></enum>
					<enum name="would_block"><para>1 where a <literal>log</literal> list would have blocked the
					call, else 0</para></enum>
					<enum name="shadow"><para>The first <literal>log</literal> list that matched</para></enum>
					<enum name="profile"><para>The profile that was asked</para></enum>
					<enum name="direction"><para><literal>outbound</literal> or
					<literal>inbound</literal></para></enum>
					<enum name="dialled"><para>What was asked about, at most 127 characters; control characters
					and what is not ASCII as <literal>?</literal></para></enum>
					<enum name="error"><para>Why there was no verdict; empty where there was one</para></enum>
					<enum name="text"><para>All of it in one line, for people</para></enum>
				</enumlist>
			</parameter>
		</syntax>
		<description>
			<para>Empty where nothing was asked on this channel yet. The result stays until the next question,
			also for the extension <literal>h</literal>.</para>
		</description>
		<see-also>
			<ref type="function">TOLLGATE</ref>
			<ref type="application">Tollgate</ref>
		</see-also>
	</function>
	<application name="Tollgate" language="en_US" module="res_tollgate">
		<synopsis>
			Ends a call that may not go out or come in, by its number.
		</synopsis>
		<syntax>
			<xi:include xpointer="xpointer(/docs/function[@name='TOLLGATE']/syntax/parameter)" />
		</syntax>
		<description>
			<para>Asks as the function <literal>TOLLGATE</literal> does. A call that is allowed goes on with
			the next priority. One that is blocked is hung up with the cause or SIP status
			<literal>hangup</literal> of its direction in <literal>tollgate.conf</literal>, or goes to the
			<literal>context</literal> there, in which it looks for its own extension and then for
			<literal>s</literal>.</para>
			<para>Where the module is not loaded there is no such application, and Asterisk ends the call. So
			it fails closed.</para>
			<variablelist>
				<variable name="TOLLGATESTATUS">
					<value name="ALLOW" />
					<value name="BLOCK" />
				</variable>
			</variablelist>
			<example title="A trunk that is screened">
			exten => _X.,1,Tollgate(${EXTEN},default,outbound)
			same => n,Dial(PJSIP/${EXTEN}@trunk)
			</example>
		</description>
		<see-also>
			<ref type="function">TOLLGATE</ref>
			<ref type="function">TOLLGATE_RESULT</ref>
		</see-also>
	</application>
 ***/

static const char app[] = "Tollgate";

/*!
 * \brief The kind of datastore that keeps a channel's last result.
 *
 * It lies on the heap, is never freed, and has a destructor of Asterisk's own: a channel may outlive
 * this module, and nothing that it holds on to is then in it. (So a call that goes on does not keep the
 * module from being unloaded; a module that is loaded again leaves some hundred bytes behind.)
 */
static struct ast_datastore_info *result_info;

static struct ast_datastore_info *new_result_info(void)
{
	static const char type[] = "tollgate";
	struct ast_datastore_info *info = ast_calloc(1, sizeof(*info) + sizeof(type));

	if (info) {
		info->type = memcpy(info + 1, type, sizeof(type));
		info->destroy = ast_free_ptr;
	}
	return info;
}

/*! \brief Keeps a result for TOLLGATE_RESULT. */
static void keep(struct ast_channel *chan, const struct tg_result *result)
{
	struct ast_datastore *store;
	struct tg_result *kept;

	if (!chan) {
		return;
	}
	ast_channel_lock(chan);
	store = ast_channel_datastore_find(chan, result_info, NULL);
	if (!store) {
		/* As ast_datastore_alloc, but without its reference to this module: see result_info. */
		store = __ast_datastore_alloc(result_info, NULL, NULL, __FILE__, __LINE__, __PRETTY_FUNCTION__);
		kept = store ? ast_malloc(sizeof(*kept)) : NULL;
		if (!kept) {
			if (store) {
				ast_datastore_free(store);
			}
			ast_channel_unlock(chan);
			return;
		}
		store->data = kept;
		ast_channel_datastore_add(chan, store);
	}
	kept = store->data;
	*kept = *result;
	ast_channel_unlock(chan);
}

/*! \brief What the text of a stranger does to the arguments that it is put into; NULL: nothing. */
static const char *injects(const char *text, const char *data)
{
	const char *comma = strchr(text, ',');
	const char *parenthesis = strchr(text, ')');

	if (comma && strstr(data, comma)) {
		return "there is a comma in the number";
	}
	/* ${TOLLGATE(1):0:5,strict,outbound)}: Asterisk takes all behind the colon for a substring's bounds. */
	if (parenthesis && strchr(parenthesis, ':')) {
		return "there is a parenthesis and a colon in the number";
	}
	return NULL;
}

/*!
 * \brief Whether something that somebody dialled, or has in his caller id, changes the arguments.
 *
 * Asterisk puts variables into the text of the arguments before anybody tells them apart, and SIP lets
 * nearly anything stand in a number. So whoever dials "0900123456,other,inbound" would choose profile
 * and direction of TOLLGATE(${EXTEN}).
 */
static const char *injected(struct ast_channel *chan, const char *data)
{
	const char *why;

	if (!chan) {
		return NULL;
	}
	ast_channel_lock(chan);
	why = injects(ast_channel_exten(chan), data);
	if (!why && ast_channel_caller(chan)->id.number.valid && ast_channel_caller(chan)->id.number.str) {
		why = injects(ast_channel_caller(chan)->id.number.str, data);
	}
	ast_channel_unlock(chan);
	return why;
}

/*!
 * \brief Screens what the arguments say: number[,profile[,direction]].
 *
 * They are told apart by commas alone. Asterisk's own macro also honours quotes, brackets and
 * backslashes, with which a dialled number could take the arguments behind it into itself.
 */
static void screen_arguments(struct ast_channel *chan, const char *data, struct tg_result *result)
{
	struct tg_request request = { NULL, };
	const char *why = NULL;
	char *rest = ast_strdupa(S_OR(data, ""));
	char *number = strsep(&rest, ",");
	char *profile = strsep(&rest, ",");
	char *direction = strsep(&rest, ",");

	profile = profile ? ast_strip(profile) : NULL;
	direction = direction ? ast_strip(direction) : NULL;
	request.number = number;
	request.profile = profile;
	request.direction = tg_direction_parse(direction);
	if (rest) {
		why = "there are more than three arguments; was a comma dialled?";
	} else if ((why = injected(chan, S_OR(data, "")))) {
		/* said */
	} else if (request.direction == TOLLGATE_OUTBOUND && strchr(number, '&')) {
		why = "there is an ampersand in the number, with which Dial calls several";
	} else if (request.direction < 0) {
		why = "the direction is neither outbound nor inbound";
		/* Which no spelling of the dialplan's may stop: */
		request.direction = TOLLGATE_OUTBOUND;
		tg_screen(NULL, &request, result);
		if (result->verdict.action == TOLLGATE_ALLOW && result->verdict.reason == TOLLGATE_REASON_EMERGENCY) {
			keep(chan, result);
			return;
		}
	}
	if (why) {
		/* What was read of the direction may be a stranger's: the rules of outbound calls are the stricter. */
		tg_refuse(chan, TOLLGATE_OUTBOUND, S_OR(data, ""), why, result);
	} else {
		tg_screen(chan, &request, result);
	}
	keep(chan, result);
}

static int tollgate_read(struct ast_channel *chan, const char *cmd, char *data, char *buf, size_t len)
{
	struct tg_result result;

	tg_enter();
	screen_arguments(chan, data, &result);
	ast_copy_string(buf, tollgate_action_text(result.verdict.action), len);
	tg_leave();
	return 0;
}

static int tollgate_result_read(struct ast_channel *chan, const char *cmd, char *data, char *buf, size_t len)
{
	struct ast_datastore *store;
	const char *value = "";
	char text[256];

	if (!chan) {
		ast_log(LOG_WARNING, "%s needs a channel\n", cmd);
		return -1;
	}
	tg_enter();
	ast_channel_lock(chan);
	store = ast_channel_datastore_find(chan, result_info, NULL);
	if (store) {
		value = tg_result_field(store->data, S_OR(data, ""), text, sizeof(text));
		if (!value) {
			ast_log(LOG_WARNING, "%s has no field '%s'\n", cmd, S_OR(data, ""));
		}
	}
	ast_copy_string(buf, S_OR(value, ""), len);
	ast_channel_unlock(chan);
	tg_leave();
	return value ? 0 : -1;
}

/*!
 * \brief Sends a SIP status that no cause stands for. \retval -1 where Asterisk cannot.
 *
 * chan_pjsip's own application does it, where there is one: from 18.21, 20.6 and 21.1 on.
 */
static int hang_up_with_status(struct ast_channel *chan, int sip)
{
	struct ast_app *hangup;
	char status[8];

	if (sip != 607 && sip != 608) {
		return -1;
	}
	if (strcmp(ast_channel_tech(chan)->type, "PJSIP") || ast_channel_state(chan) == AST_STATE_UP) {
		return -1;
	}
	hangup = pbx_findapp("PJSIPHangup");
	if (!hangup) {
		return -1;
	}
	snprintf(status, sizeof(status), "%d", sip);
	pbx_exec(chan, hangup, status);
	return 0;
}

/*! \brief What the settings say is done with a blocked call. \retval -1 to end the dialplan. */
static int end_call(struct ast_channel *chan, const struct tg_direction *direction)
{
	const char *context = direction->context;
	const char *exten = ast_strdupa(ast_channel_exten(chan));

	if (!ast_strlen_zero(context)) {
		if (ast_exists_extension(chan, context, exten, 1, NULL)) {
			return ast_explicit_goto(chan, context, exten, 1);
		}
		if (ast_exists_extension(chan, context, "s", 1, NULL)) {
			return ast_explicit_goto(chan, context, "s", 1);
		}
		ast_log(LOG_ERROR, "%s: neither '%s' nor 's' is in context '%s' for blocked calls: hung up\n",
			ast_channel_name(chan), exten, context);
	}
	ast_channel_lock(chan);
	ast_channel_hangupcause_set(chan, direction->cause);
	ast_channel_unlock(chan);
	ast_set_hangupsource(chan, app, 0);
	if (direction->sip) {
		hang_up_with_status(chan, direction->sip);
	}
	return -1;
}

static int tollgate_exec(struct ast_channel *chan, const char *data)
{
	struct tg_state *state;
	struct tg_result result;
	int ending = 0;

	tg_enter();
	screen_arguments(chan, data, &result);
	if (result.verdict.action == TOLLGATE_ALLOW) {
		pbx_builtin_setvar_helper(chan, "TOLLGATESTATUS", "ALLOW");
	} else {
		pbx_builtin_setvar_helper(chan, "TOLLGATESTATUS", "BLOCK");
		ending = -1;
		state = tg_state_get();
		if (state) {
			ending = end_call(chan, &state->settings.direction[result.direction]);
			ao2_ref(state, -1);
		}
	}
	tg_leave();
	return ending;
}

static struct ast_custom_function tollgate_function = {
	.name = "TOLLGATE",
	.read = tollgate_read,
};

static struct ast_custom_function tollgate_result_function = {
	.name = "TOLLGATE_RESULT",
	.read = tollgate_result_read,
};

int tg_dialplan_register(void)
{
	result_info = new_result_info();
	if (!result_info
		|| ast_custom_function_register(&tollgate_function)
		|| ast_custom_function_register(&tollgate_result_function)
		|| ast_register_application_xml(app, tollgate_exec)) {
		tg_dialplan_unregister();
		return -1;
	}
	return 0;
}

void tg_dialplan_unregister(void)
{
	ast_unregister_application(app);
	ast_custom_function_unregister(&tollgate_result_function);
	ast_custom_function_unregister(&tollgate_function);
}
