/*
 * Tollgate for Asterisk.
 *
 * Licensed under MIT or Apache-2.0, at your option.
 */

/*! \file
 * \brief tollgate.conf.
 *
 * Whatever cannot be right is refused: a misspelt option that is skipped would be a rule that
 * silently does not hold.
 */

#include "tollgate_module.h"

#include "asterisk/causes.h"
#include "asterisk/config.h"
#include "asterisk/strings.h"
#include "asterisk/utils.h"

/*** DOCUMENTATION
	<configInfo name="res_tollgate" language="en_US">
		<synopsis>Number screening</synopsis>
		<configFile name="tollgate.conf">
			<configObject name="general">
				<synopsis>The index, and how it is followed.</synopsis>
				<configOption name="index">
					<synopsis>The index file, with its whole path.</synopsis>
					<description><para><literal>tollgate build</literal> writes it. The default is where the
					library is installed to look for one.</para></description>
				</configOption>
				<configOption name="profile" default="default">
					<synopsis>The profile of calls that name none.</synopsis>
					<description><para>An index that does not have it is not taken.</para></description>
				</configOption>
				<configOption name="watch" default="yes">
					<synopsis>Whether the index is reloaded when it is replaced: yes (looking twice a second), no,
					or how often in milliseconds.</synopsis>
					<description><para>An index that is missing when the module is loaded is looked for, too, at
					most once a second.</para></description>
				</configOption>
				<configOption name="max_loss" default="50%">
					<synopsis>The share of its entries that a new index may have lost.</synopsis>
					<description><para>0 refuses an index that lost even one, 100 none; also where
					<literal>index</literal> names another file than before. The CLI's <literal>tollgate reload
					force</literal> takes one all the same.</para></description>
				</configOption>
				<configOption name="mapped" default="no">
					<synopsis>Whether the index is mapped and not read.</synopsis>
					<description><para>Only where it is replaced by renaming and never changed in place, which
					would end Asterisk. <literal>tollgate build</literal> renames, <literal>cp</literal> does
					not.</para></description>
				</configOption>
				<configOption name="emergency" default="112,911">
					<synopsis>What may be dialled where there is no index, which knows the emergency
					numbers.</synopsis>
					<description><para>As it is dialled, digit by digit, between commas; with the outside-line
					digit, too, if there is one. Has no effect while there is an index, also where that has no
					such profile.</para></description>
				</configOption>
			</configObject>
			<configObject name="outbound">
				<synopsis>Calls whose number was dialled.</synopsis>
				<configOption name="on_error" default="block">
					<synopsis>What becomes of calls without a verdict: allow or block.</synopsis>
					<description><para>There is none where there is no index, or the index has no such
					profile.</para></description>
				</configOption>
				<configOption name="hangup" default="403">
					<synopsis>How blocked calls end: a SIP status, or a hang-up cause by its number or
					name.</synopsis>
					<description><para>SIP statuses are 403, 404, 410, 480, 484, 486, 503, 603, 607 and 608. 607 and
					608 are sent where chan_pjsip has PJSIPHangup (from 18.21, 20.6 and 21.1 on), else 603 is; so on
					a channel that has been answered, and on those of other drivers, which get the
					cause.</para></description>
				</configOption>
				<configOption name="context">
					<synopsis>Where blocked calls go instead of being hung up, in the application
					Tollgate.</synopsis>
				</configOption>
			</configObject>
			<configObject name="inbound">
				<synopsis>Calls whose caller is asked about.</synopsis>
				<configOption name="on_error" default="allow">
					<synopsis>As in outbound.</synopsis>
				</configOption>
				<configOption name="hangup" default="603">
					<synopsis>As in outbound.</synopsis>
				</configOption>
				<configOption name="context">
					<synopsis>As in outbound.</synopsis>
				</configOption>
			</configObject>
		</configFile>
	</configInfo>
 ***/

#define CONFIG_FILE "tollgate.conf"

/*! The library's own, twice a second. */
#define DEFAULT_WATCH 500

/*!
 * \brief SIP statuses and the causes that stand for them.
 *
 * What chan_pjsip makes of a cause is the status here, but for 607 and 608, which it can only send when
 * it is told to (PJSIPHangup, from 18.21, 20.6 and 21.1 on). Where it cannot, a cause that it has no
 * status for becomes 603, which is nearest.
 */
static const struct {
	int sip;
	int cause;
} statuses[] = {
	{ 403, AST_CAUSE_CALL_REJECTED },
	{ 404, AST_CAUSE_NO_ROUTE_DESTINATION },
	{ 410, AST_CAUSE_NUMBER_CHANGED },
	{ 480, AST_CAUSE_NORMAL_UNSPECIFIED },
	{ 484, AST_CAUSE_INVALID_NUMBER_FORMAT },
	{ 486, AST_CAUSE_USER_BUSY },
	{ 503, AST_CAUSE_NORMAL_CIRCUIT_CONGESTION },
	{ 603, AST_CAUSE_INCOMING_CALL_BARRED },
	{ 607, AST_CAUSE_INCOMING_CALL_BARRED },
	{ 608, AST_CAUSE_INCOMING_CALL_BARRED },
};

static void defaults(struct tg_settings *settings)
{
	struct tg_direction *out = &settings->direction[TOLLGATE_OUTBOUND];
	struct tg_direction *in = &settings->direction[TOLLGATE_INBOUND];

	memset(settings, 0, sizeof(*settings));
	ast_copy_string(settings->index, tollgate_default_index(), sizeof(settings->index));
	ast_copy_string(settings->profile, "default", sizeof(settings->profile));
	ast_copy_string(settings->emergency, "112,911", sizeof(settings->emergency));
	settings->watch = DEFAULT_WATCH;
	out->on_error = TOLLGATE_BLOCK;
	out->sip = 403;
	out->cause = AST_CAUSE_CALL_REJECTED;
	in->on_error = TOLLGATE_ALLOW;
	in->sip = 603;
	in->cause = AST_CAUSE_INCOMING_CALL_BARRED;
}

/*! \brief A whole number between two others. \retval -1 for anything else. */
static int number(const char *text, unsigned int low, unsigned int high, unsigned int *value)
{
	char *end;
	unsigned long parsed;

	if (text[0] < '0' || text[0] > '9') {
		return -1;
	}
	errno = 0;
	parsed = strtoul(text, &end, 10);
	if (errno || *end || parsed < low || parsed > high) {
		return -1;
	}
	*value = parsed;
	return 0;
}

static int copy(char *to, size_t size, const char *from)
{
	if (ast_strlen_zero(from) || strlen(from) >= size) {
		return -1;
	}
	ast_copy_string(to, from, size);
	return 0;
}

static int yes_or_no(const char *text, unsigned int *value)
{
	if (ast_true(text)) {
		*value = 1;
	} else if (ast_false(text)) {
		*value = 0;
	} else {
		return -1;
	}
	return 0;
}

/*! \brief "no", "yes", or how often in milliseconds. */
static int watch(const char *text, unsigned int *value)
{
	unsigned int wanted;

	/* Before yes and no: ast_true takes "1" for yes. */
	if (!number(text, 0, UINT_MAX, &wanted)) {
		if (wanted < 10 || wanted > 3600000) {
			return -1;
		}
		*value = wanted;
		return 0;
	}
	if (yes_or_no(text, &wanted)) {
		return -1;
	}
	*value = wanted ? DEFAULT_WATCH : 0;
	return 0;
}

/*! \brief The share that may be lost: 0 to 100 percent, with or without the sign. */
static int max_loss(const char *text, uint32_t *value)
{
	char digits[8];
	unsigned int percent;
	size_t length = strlen(text);

	if (!length || length >= sizeof(digits)) {
		return -1;
	}
	ast_copy_string(digits, text, sizeof(digits));
	if (digits[length - 1] == '%') {
		digits[length - 1] = '\0';
		ast_trim_blanks(digits);
	}
	if (number(digits, 0, 100, &percent)) {
		return -1;
	}
	/* The library's 0 is its default. */
	*value = percent ? percent : TOLLGATE_NO_LOSS;
	return 0;
}

/*! \brief A SIP status, a cause by its number, or a cause by its name. */
static int hangup(const char *text, struct tg_direction *direction)
{
	unsigned int value;
	int cause;
	size_t i;

	if (!number(text, 400, 699, &value)) {
		for (i = 0; i < ARRAY_LEN(statuses); i++) {
			if (statuses[i].sip == (int) value) {
				direction->sip = value;
				direction->cause = statuses[i].cause;
				return 0;
			}
		}
		return -1;
	}
	if (!number(text, 1, 127, &value)) {
		direction->sip = 0;
		direction->cause = value;
		return 0;
	}
	cause = ast_str2cause(text);
	if (cause < 1) {
		return -1;
	}
	direction->sip = 0;
	direction->cause = cause;
	return 0;
}

static int general_option(struct tg_settings *settings, const char *name, const char *value)
{
	if (!strcasecmp(name, "index")) {
		/* A path that depends on where Asterisk was started is another file after the next start. */
		return *value == '/' ? copy(settings->index, sizeof(settings->index), value) : -1;
	} else if (!strcasecmp(name, "profile")) {
		return copy(settings->profile, sizeof(settings->profile), value);
	} else if (!strcasecmp(name, "watch")) {
		return watch(value, &settings->watch);
	} else if (!strcasecmp(name, "max_loss")) {
		return max_loss(value, &settings->max_loss);
	} else if (!strcasecmp(name, "mapped")) {
		return yes_or_no(value, &settings->mapped);
	} else if (!strcasecmp(name, "emergency")) {
		if (strlen(value) >= sizeof(settings->emergency)) {
			return -1;
		}
		ast_copy_string(settings->emergency, value, sizeof(settings->emergency));
		return 0;
	}
	return 1;
}

static int direction_option(struct tg_direction *direction, const char *name, const char *value)
{
	if (!strcasecmp(name, "on_error")) {
		if (!strcasecmp(value, "block")) {
			direction->on_error = TOLLGATE_BLOCK;
		} else if (!strcasecmp(value, "allow")) {
			direction->on_error = TOLLGATE_ALLOW;
		} else {
			return -1;
		}
		return 0;
	} else if (!strcasecmp(name, "hangup")) {
		return hangup(value, direction);
	} else if (!strcasecmp(name, "context")) {
		if (strlen(value) >= sizeof(direction->context)) {
			return -1;
		}
		ast_copy_string(direction->context, value, sizeof(direction->context));
		return 0;
	}
	return 1;
}

static int read_sections(struct ast_config *config, struct tg_settings *settings, char *problem, size_t size)
{
	const char *section = NULL;

	while ((section = ast_category_browse(config, section))) {
		struct ast_variable *option;
		int direction = -1;

		if (strcasecmp(section, "general")) {
			direction = tg_direction_parse(section);
			if (direction < 0) {
				snprintf(problem, size, CONFIG_FILE ": there is no section [%s]; there are [general],"
					" [outbound] and [inbound]", section);
				return -1;
			}
		}
		for (option = ast_variable_browse(config, section); option; option = option->next) {
			int result = direction < 0
				? general_option(settings, option->name, option->value)
				: direction_option(&settings->direction[direction], option->name, option->value);

			if (result) {
				snprintf(problem, size, CONFIG_FILE ", line %d: %s%s%s%s", option->lineno, option->name,
					result < 0 ? " = " : " is no option of [", result < 0 ? option->value : section,
					result < 0 ? " cannot be right" : "]");
				return -1;
			}
		}
	}
	return 0;
}

int tg_settings_read(struct tg_settings *settings, char *problem, size_t size)
{
	struct ast_flags flags = { 0 };
	struct ast_config *config = ast_config_load(CONFIG_FILE, flags);
	int result;

	defaults(settings);
	if (config == CONFIG_STATUS_FILEMISSING) {
		ast_log(LOG_NOTICE, "There is no " CONFIG_FILE ": the defaults hold, with the index %s\n",
			settings->index);
		return 0;
	}
	if (!config || config == CONFIG_STATUS_FILEINVALID || config == CONFIG_STATUS_FILEUNCHANGED) {
		ast_copy_string(problem, CONFIG_FILE " cannot be read; the log says where", size);
		return -1;
	}
	result = read_sections(config, settings, problem, size);
	ast_config_destroy(config);
	return result;
}
