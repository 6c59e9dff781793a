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
			comma in it makes too many, and the call is blocked. With fewer, a comma that comes from
			<literal>${EXTEN}</literal>, or from the number or name of the caller, is found and the call
			blocked; one that comes from elsewhere, a header for instance, is not. So it is with a
			parenthesis and a colon, which would take the arguments behind it away from the
			function.</para>
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
			<para>A call that is blocked is a failure to whatever runs the application: the result in an AGI
			is -1, and TRYSTATUS of TryExec is FAILED. Neither can go on with the call, which is hung up by
			then or on its way to the context. A channel that runs no dialplan is hung up, also where there
			is a context. To go on with a blocked call, ask by the function.</para>
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

/*! \brief Where a channel keeps its last result. With the channel locked. \retval NULL where there is no memory. */
static struct tg_result *kept_result(struct ast_channel *chan)
{
	struct ast_datastore *store = ast_channel_datastore_find(chan, result_info, NULL);

	if (store) {
		return store->data;
	}
	/* As ast_datastore_alloc, but without its reference to this module: see result_info. */
	store = __ast_datastore_alloc(result_info, NULL, NULL, __FILE__, __LINE__, __PRETTY_FUNCTION__);
	if (!store) {
		return NULL;
	}
	store->data = ast_malloc(sizeof(struct tg_result));
	if (!store->data) {
		ast_datastore_free(store);
		return NULL;
	}
	ast_channel_datastore_add(chan, store);
	return store->data;
}

/*! \brief Whether text holds a part of a stranger's text that has a comma, and with it an argument. */
static int holds_argument(const char *stranger, const char *data)
{
	const char *comma = data;

	while ((comma = strchr(comma, ','))) {
		size_t length = strcspn(comma + 1, ",") + 1;

		/* An argument that is empty is none. */
		if (length > 1 && memmem(stranger, strlen(stranger), comma, length)) {
			return 1;
		}
		comma += length;
	}
	return 0;
}

/*!
 * \brief The next parenthesis of a text, from at on, at which Asterisk may end a function's arguments; NULL where
 * there is none.
 *
 * ${TOLLGATE(1,,):0:5,strict,outbound)} is what becomes of ${TOLLGATE(${EXTEN},strict,outbound)}. Asterisk takes the
 * colon for the begin of a substring's bounds, drops all behind it, and ends the arguments at the last
 * parenthesis in front of it.
 */
static const char *early_end(const char *at)
{
	while ((at = strchr(at, ')'))) {
		if (at[1 + strcspn(at + 1, "):")] == ':') {
			return at;
		}
		at++;
	}
	return NULL;
}

/*!
 * \brief Whether a stranger's text has ended the arguments of the function: whether they end with what it has in
 * front of such a parenthesis.
 * \param number Whether it is a number. None has such a parenthesis, so one character in common is enough, be the
 * rest of it cut off. A name may: there it has to be the whole of the name so far, or the whole of an argument.
 */
static int ends_early(const char *stranger, const char *data, int number)
{
	const char *comma = strrchr(data, ',');
	size_t size = strlen(data);
	size_t argument = comma ? strlen(comma) : size;
	const char *end;

	for (end = early_end(stranger); end; end = early_end(end + 1)) {
		size_t before = end - stranger;
		size_t common = 0;

		while (common < before && common < size && end[-1 - (ssize_t) common] == data[size - 1 - common]) {
			common++;
		}
		if (common >= argument || (common && (number || common == before))) {
			return 1;
		}
	}
	return 0;
}

/*! What a request is refused for. */
static const char comma_dialled[] = "there is a comma in what was dialled";
static const char comma_sent[] = "there is a comma in the caller's number or name, and it changes the arguments";
static const char parenthesis_dialled[] = "there is a parenthesis and a colon in what was dialled, with which Asterisk"
	" takes what follows for a substring's bounds";
static const char parenthesis_sent[] = "there is a parenthesis and a colon in the caller's number or name, with which"
	" Asterisk takes what follows for a substring's bounds";

/*!
 * \brief Whether something that somebody dialled, or has in his caller id, changes the arguments. With the
 * channel locked.
 * \param commas How many of them are in data.
 * \param function Whether the function is asked, which alone can be ended early.
 * \retval NULL where nothing does.
 *
 * Asterisk puts variables into the text of the arguments before anybody tells them apart, and SIP lets
 * nearly anything stand in a number. So whoever dials "0900123456,other,inbound" would choose profile
 * and direction of TOLLGATE(${EXTEN}), and of TOLLGATE(${EXTEN:0:20}). Where the dialplan gives all three
 * arguments a comma makes a fourth, and is found without this; unless a parenthesis and a colon take the
 * dialplan's own away, and the stranger has brought commas instead.
 */
static const char *injected(struct ast_channel *chan, const char *data, int commas, int function)
{
	const struct ast_party_caller *caller = ast_channel_caller(chan);
	const char *exten = ast_channel_exten(chan);
	/* What was dialled, also where the call has gone to another extension by now. */
	const char *called = S_OR(ast_channel_dialed(chan)->number.str, "");
	enum { NUMBER, NAME, ANI, FROM };
	const char * const sent[] = {
		[NUMBER] = caller->id.number.str,
		[NAME] = caller->id.name.str,
		[ANI] = caller->ani.number.str,
		[FROM] = ast_channel_redirecting(chan)->from.number.str,
	};
	size_t i;

	/* No number has a comma, so there is no need to know which of them it is. */
	if (commas && (strchr(exten, ',') || (strchr(called, ',') && holds_argument(called, data)))) {
		return comma_dialled;
	}
	/* Nor has any this. */
	if (early_end(exten) || early_end(called)) {
		return parenthesis_dialled;
	}
	for (i = 0; i < ARRAY_LEN(sent); i++) {
		if (!sent[i]) {
			continue;
		}
		/* A caller's own comma must not stop his calls: only one that is in the arguments. */
		if (commas && strchr(sent[i], ',') && holds_argument(sent[i], data)) {
			return comma_sent;
		}
		if (function && ends_early(sent[i], data, i != NAME)) {
			return parenthesis_sent;
		}
	}
	return NULL;
}

/*! \brief Whether a number is the whole of what was dialled, and not, for instance, a part of the caller's. */
static int is_dialled(struct ast_channel *chan, const char *number)
{
	return chan && (!strcmp(number, ast_channel_exten(chan))
		|| !strcmp(number, S_OR(ast_channel_dialed(chan)->number.str, "")));
}

/*!
 * \brief Judges what the arguments say: number[,profile[,direction]]. With the channel, if any, locked.
 * \param function Whether they are those of the function.
 *
 * They are told apart by commas alone. Asterisk's own macro also honours quotes, brackets and
 * backslashes, with which a dialled number could take the arguments behind it into itself.
 */
static void judge_arguments(struct ast_channel *chan, const char *data, int function, struct tg_result *result)
{
	struct tg_request request;
	const char *why = NULL;
	char *arguments[3] = { ast_strdupa(data), NULL, NULL };
	char *at = arguments[0];
	int commas = 0;

	while ((at = strchr(at, ','))) {
		*at++ = '\0';
		if (++commas == ARRAY_LEN(arguments)) {
			break;
		}
		arguments[commas] = at;
	}
	request.number = arguments[0];
	request.profile = arguments[1] ? ast_strip(arguments[1]) : NULL;
	request.direction = tg_direction_parse(arguments[2] ? ast_strip(arguments[2]) : NULL);
	if (commas == ARRAY_LEN(arguments)) {
		why = "there are more than three arguments; was a comma dialled?";
	} else if (chan && (why = injected(chan, data, commas, function))) {
		/* said */
	} else if (request.direction == TOLLGATE_OUTBOUND && strchr(request.number, '&')) {
		why = "there is an ampersand in the number, with which Dial calls several";
	} else if (request.direction < 0) {
		why = "the direction is neither outbound nor inbound";
	}
	if (!why) {
		tg_judge(&request, result);
	} else if (!is_dialled(chan, request.number) || !tg_judge_emergency(request.number, result)) {
		/* What was read of the direction may be a stranger's: the rules of outbound calls are the stricter. */
		tg_refuse(TOLLGATE_OUTBOUND, data, why, result);
	}
}

/*!
 * \brief Screens what the arguments say, keeps the result and tells of it.
 * \param function Whether they are those of the function.
 * \param news Where the result is if the call is blocked.
 * \return A tollgate_action.
 *
 * The channel is locked once, and the result made where it is kept: the rest is for those that are blocked.
 */
static int screen(struct ast_channel *chan, const char *data, int function, struct tg_result *news)
{
	struct tg_result *result = NULL;
	int action;
	int is_news;

	data = S_OR(data, "");
	if (chan) {
		ast_channel_lock(chan);
		result = kept_result(chan);
	}
	if (!result) {
		result = news;
	}
	judge_arguments(chan, data, function, result);
	action = result->verdict.action;
	is_news = tg_is_news(result);
	if (is_news && result != news) {
		*news = *result;
	}
	if (chan) {
		ast_channel_unlock(chan);
		if (is_news) {
			tg_tell(chan, news);
		}
	}
	return action;
}

static int tollgate_read(struct ast_channel *chan, const char *cmd, char *data, char *buf, size_t len)
{
	struct tg_result news;

	ast_copy_string(buf, tollgate_action_text(screen(chan, data, 1, &news)), len);
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
	return value ? 0 : -1;
}

/*!
 * \brief Sends a SIP status that no cause stands for, where Asterisk can; elsewhere the cause has to do.
 *
 * chan_pjsip's own application does it, where there is one: from 18.21, 20.6 and 21.1 on.
 */
static void hang_up_with_status(struct ast_channel *chan, int sip)
{
	struct ast_app *hangup;
	char status[8];

	if (sip != 607 && sip != 608) {
		return;
	}
	if (strcmp(ast_channel_tech(chan)->type, "PJSIP") || ast_channel_state(chan) == AST_STATE_UP) {
		return;
	}
	hangup = pbx_findapp("PJSIPHangup");
	if (!hangup) {
		return;
	}
	snprintf(status, sizeof(status), "%d", sip);
	pbx_exec(chan, hangup, status);
}

/*!
 * \brief Sends a blocked call to a context: to its own extension there, or to s.
 * \retval -1 where it cannot go there.
 *
 * The channel counts as hung up until it is there. So the application can say that it failed and the call
 * goes on all the same, and whatever ran the application (an AGI, TryExec) cannot go on with the call.
 */
static int send_to(struct ast_channel *chan, const char *context)
{
	const char *exten = ast_strdupa(ast_channel_exten(chan));

	if (!ast_channel_pbx(chan)) {
		ast_log(LOG_ERROR, "%s: runs no dialplan, and cannot go to context '%s' for blocked calls: hung up\n",
			ast_channel_name(chan), context);
		return -1;
	}
	if (!ast_exists_extension(chan, context, exten, 1, NULL)) {
		if (!ast_exists_extension(chan, context, "s", 1, NULL)) {
			ast_log(LOG_ERROR, "%s: neither '%s' nor 's' is in context '%s' for blocked calls: hung up\n",
				ast_channel_name(chan), exten, context);
			return -1;
		}
		exten = "s";
	}
	return ast_async_goto(chan, context, exten, 1);
}

/*! \brief Does with a blocked call what the settings say. */
static void end_call(struct ast_channel *chan, const struct tg_direction *direction)
{
	if (!ast_strlen_zero(direction->context) && !send_to(chan, direction->context)) {
		return;
	}
	ast_channel_lock(chan);
	ast_channel_hangupcause_set(chan, direction->cause);
	ast_channel_unlock(chan);
	ast_set_hangupsource(chan, app, 0);
	if (direction->sip) {
		hang_up_with_status(chan, direction->sip);
	}
	/*
	 * That the application fails ends a dialplan; an AGI and TryExec go on until the channel is hung up. So also
	 * where the status is on its way, which is some time before the channel hears of it.
	 */
	ast_channel_lock(chan);
	ast_softhangup_nolock(chan, AST_SOFTHANGUP_EXPLICIT);
	ast_channel_unlock(chan);
}

static int tollgate_exec(struct ast_channel *chan, const char *data)
{
	struct tg_state *state;
	struct tg_result news;

	if (screen(chan, data, 0, &news) == TOLLGATE_ALLOW) {
		pbx_builtin_setvar_helper(chan, "TOLLGATESTATUS", "ALLOW");
		return 0;
	}
	pbx_builtin_setvar_helper(chan, "TOLLGATESTATUS", "BLOCK");
	state = tg_state_get();
	if (state) {
		end_call(chan, &state->settings.direction[news.direction]);
		ao2_ref(state, -1);
	}
	return -1;
}

static struct ast_custom_function tollgate_function = {
	.name = "TOLLGATE",
	.read = tollgate_read,
};

static struct ast_custom_function tollgate_result_function = {
	.name = "TOLLGATE_RESULT",
	.read = tollgate_result_read,
};

/*! What of it is registered. */
static int has_function;
static int has_result_function;
static int has_application;

int tg_dialplan_register(void)
{
	if (!result_info && !(result_info = new_result_info())) {
		return -1;
	}
	has_function = has_function || !ast_custom_function_register(&tollgate_function);
	has_result_function = has_result_function || !ast_custom_function_register(&tollgate_result_function);
	has_application = has_application || !ast_register_application_xml(app, tollgate_exec);
	if (!has_application) {
		ast_log(LOG_ERROR, "The application %s cannot be registered\n", app);
	}
	return has_function && has_result_function && has_application ? 0 : -1;
}

void tg_dialplan_unregister(void)
{
	/* By its name, which another module may have. */
	if (has_application) {
		ast_unregister_application(app);
	}
	if (has_result_function) {
		ast_custom_function_unregister(&tollgate_result_function);
	}
	if (has_function) {
		ast_custom_function_unregister(&tollgate_function);
	}
	has_application = has_result_function = has_function = 0;
}
