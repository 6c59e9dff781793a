/*
 * settings.c: tollgate.conf.xml, read and checked as a whole. A parameter that is unknown or has a value
 * that cannot be right is an error and not a warning: a misspelt "on-error-outbound" would otherwise be
 * found by the fraud that it let through.
 *
 * Licensed under MIT or Apache-2.0, at your option.
 */

#include "mod_tollgate.h"

void tg_settings_default(tg_settings_t *settings)
{
	memset(settings, 0, sizeof(*settings));
	settings->index = tollgate_default_index();
	settings->emergency = "112,911";
	settings->block_on_error[TOLLGATE_OUTBOUND] = SWITCH_TRUE;
	settings->block_on_error[TOLLGATE_INBOUND] = SWITCH_FALSE;
	settings->cause[TOLLGATE_OUTBOUND] = SWITCH_CAUSE_OUTGOING_CALL_BARRED;	/* SIP 403 */
	settings->cause[TOLLGATE_INBOUND] = SWITCH_CAUSE_CALL_REJECTED;			/* SIP 603 */
}

switch_bool_t tg_number_parse(const char *text, uint32_t most, uint32_t *number)
{
	uint64_t value = 0;
	const char *p;

	for (p = text; *p; p++) {
		if (*p < '0' || *p > '9') {
			return SWITCH_FALSE;
		}
		value = value * 10 + (uint64_t) (*p - '0');
		if (value > most) {
			return SWITCH_FALSE;
		}
	}
	if (p == text) {
		return SWITCH_FALSE;
	}
	*number = (uint32_t) value;
	return SWITCH_TRUE;
}

switch_bool_t tg_cause_parse(const char *text, switch_call_cause_t *cause)
{
	switch_call_cause_t parsed;
	const char *name;
	uint32_t number;

	if (!strcasecmp(text, "none")) {
		*cause = SWITCH_CAUSE_NONE;
		return SWITCH_TRUE;
	}
	/* switch_channel_str2cause takes every number, and takes every other word for NORMAL_CLEARING. */
	if (*text >= '0' && *text <= '9' && !tg_number_parse(text, 9999, &number)) {
		return SWITCH_FALSE;
	}
	parsed = switch_channel_str2cause(text);
	name = switch_channel_cause2str(parsed);
	if (parsed == SWITCH_CAUSE_NONE || !strcmp(name, "UNKNOWN")) {
		return SWITCH_FALSE;
	}
	if ((*text < '0' || *text > '9') && strcasecmp(name, text)) {
		return SWITCH_FALSE;
	}
	*cause = parsed;
	return SWITCH_TRUE;
}

static switch_bool_t parse_action(const char *text, switch_bool_t *block)
{
	if (!strcasecmp(text, "block")) {
		*block = SWITCH_TRUE;
	} else if (!strcasecmp(text, "allow")) {
		*block = SWITCH_FALSE;
	} else {
		return SWITCH_FALSE;
	}
	return SWITCH_TRUE;
}

static switch_bool_t parse_bool(const char *text, switch_bool_t *value)
{
	if (switch_true(text)) {
		*value = SWITCH_TRUE;
	} else if (switch_false(text)) {
		*value = SWITCH_FALSE;
	} else {
		return SWITCH_FALSE;
	}
	return SWITCH_TRUE;
}

/* What a value should have been; NULL: it was right. */
static const char *set_param(tg_settings_t *settings, switch_memory_pool_t *pool, const char *name, const char *value)
{
	if (!strcasecmp(name, "index")) {
		if (zstr(value)) {
			return "the path of an index";
		}
		settings->index = switch_core_strdup(pool, value);
	} else if (!strcasecmp(name, "default-profile")) {
		settings->default_profile = zstr(value) ? NULL : switch_core_strdup(pool, value);
	} else if (!strcasecmp(name, "watch")) {
		switch_bool_t watch;

		/* "true" is twice a second, a number milliseconds. */
		if (tg_number_parse(value, 3600000, &settings->watch_ms)) {
			if (settings->watch_ms && settings->watch_ms < 10) {
				return "true, false, or at least 10 milliseconds";
			}
		} else if (parse_bool(value, &watch)) {
			settings->watch_ms = watch ? 500 : 0;
		} else {
			return "true, false, or milliseconds";
		}
	} else if (!strcasecmp(name, "max-loss-percent")) {
		if (!tg_number_parse(value, 100, &settings->max_loss_percent)) {
			return "0 to 100";
		}
		if (!settings->max_loss_percent) {
			settings->max_loss_percent = TOLLGATE_NO_LOSS;
		}
	} else if (!strcasecmp(name, "mapped")) {
		if (!parse_bool(value, &settings->mapped)) {
			return "true or false";
		}
	} else if (!strcasecmp(name, "on-error-outbound")) {
		if (!parse_action(value, &settings->block_on_error[TOLLGATE_OUTBOUND])) {
			return "block or allow";
		}
	} else if (!strcasecmp(name, "on-error-inbound")) {
		if (!parse_action(value, &settings->block_on_error[TOLLGATE_INBOUND])) {
			return "block or allow";
		}
	} else if (!strcasecmp(name, "on-error-emergency")) {
		settings->emergency = switch_core_strdup(pool, value);
	} else if (!strcasecmp(name, "block-cause-outbound")) {
		if (!tg_cause_parse(value, &settings->cause[TOLLGATE_OUTBOUND])) {
			return "a hang-up cause of FreeSWITCH, or none";
		}
	} else if (!strcasecmp(name, "block-cause-inbound")) {
		if (!tg_cause_parse(value, &settings->cause[TOLLGATE_INBOUND])) {
			return "a hang-up cause of FreeSWITCH, or none";
		}
	} else {
		return "";
	}
	return NULL;
}

void tg_settings_copy(tg_settings_t *to, const tg_settings_t *from, switch_memory_pool_t *pool)
{
	*to = *from;
	to->index = switch_core_strdup(pool, from->index);
	to->default_profile = from->default_profile ? switch_core_strdup(pool, from->default_profile) : NULL;
	to->emergency = switch_core_strdup(pool, from->emergency);
}

/* Whether the element has these attributes and no other: a misspelt value="…" would be an empty value. */
static switch_bool_t has_attributes(switch_xml_t element, const char *const *names, char *error, size_t size)
{
	size_t i, j;

	for (i = 0; names[i]; i++) {
		if (!switch_xml_attr(element, names[i])) {
			switch_snprintf(error, size, "%s.xml: a <%s> has no %s=\"…\"", TG_CONF, switch_xml_name(element), names[i]);
			return SWITCH_FALSE;
		}
	}
	for (i = 0; element->attr && element->attr[i]; i += 2) {
		for (j = 0; names[j] && strcmp(names[j], element->attr[i]); j++);
		if (!names[j]) {
			switch_snprintf(error, size, "%s.xml: a <%s> has no %s=\"…\": must be name and value", TG_CONF,
							switch_xml_name(element), element->attr[i]);
			return SWITCH_FALSE;
		}
	}
	return SWITCH_TRUE;
}

/* One <param>. */
static switch_bool_t read_param(tg_settings_t *settings, switch_memory_pool_t *pool, switch_xml_t param, char *error, size_t size)
{
	static const char *const attributes[] = { "name", "value", NULL };
	const char *name, *value, *expected;
	switch_xml_t other;

	if (strcmp(param->name, "param")) {
		switch_snprintf(error, size, "%s.xml: <%s> in <settings>: must be <param name=\"…\" value=\"…\"/>", TG_CONF,
						switch_xml_name(param));
		return SWITCH_FALSE;
	}
	if (!has_attributes(param, attributes, error, size)) {
		return SWITCH_FALSE;
	}
	name = switch_xml_attr_soft(param, "name");
	value = switch_xml_attr_soft(param, "value");
	for (other = param->next; other; other = other->next) {
		if (!strcasecmp(name, switch_xml_attr_soft(other, "name"))) {
			switch_snprintf(error, size, "%s.xml: %s is there twice: take one out", TG_CONF, name);
			return SWITCH_FALSE;
		}
	}
	if (!(expected = set_param(settings, pool, name, value))) {
		return SWITCH_TRUE;
	}
	if (*expected) {
		switch_snprintf(error, size, "%s.xml: %s=\"%s\": must be %s", TG_CONF, name, value, expected);
	} else {
		switch_snprintf(error, size, "%s.xml: there is no parameter \"%s\"", TG_CONF, name);
	}
	return SWITCH_FALSE;
}

static switch_bool_t read_configuration(tg_settings_t *settings, switch_memory_pool_t *pool, switch_xml_t cfg, char *error, size_t size)
{
	switch_xml_t group, param;
	switch_bool_t seen = SWITCH_FALSE;

	/* `ordered` goes through all children, whatever their names. */
	for (group = cfg->child; group; group = group->ordered) {
		if (strcmp(group->name, "settings") || seen) {
			switch_snprintf(error, size, "%s.xml: <%s> in <configuration>: must be one <settings>", TG_CONF, switch_xml_name(group));
			return SWITCH_FALSE;
		}
		seen = SWITCH_TRUE;
		for (param = group->child; param; param = param->ordered) {
			if (!read_param(settings, pool, param, error, size)) {
				return SWITCH_FALSE;
			}
		}
	}
	return SWITCH_TRUE;
}

switch_status_t tg_settings_read(tg_settings_t *settings, switch_memory_pool_t *pool, char *error, size_t size)
{
	switch_xml_t xml, cfg;
	switch_status_t status = SWITCH_STATUS_SUCCESS;

	tg_settings_default(settings);
	if (!(xml = switch_xml_open_cfg(TG_CONF, &cfg, NULL))) {
		switch_snprintf(error, size, "%s.xml: FreeSWITCH has no such configuration; put it into autoload_configs and run reloadxml",
						TG_CONF);
		return SWITCH_STATUS_FALSE;
	}
	if (!read_configuration(settings, pool, cfg, error, size)) {
		status = SWITCH_STATUS_FALSE;
		tg_settings_default(settings);
	}
	switch_xml_free(xml);
	return status;
}
