/*
 * mod_tollgate.c: what FreeSWITCH loads. The overview is in mod_tollgate.h.
 *
 * Licensed under MIT or Apache-2.0, at your option.
 */

#include "mod_tollgate.h"

SWITCH_MODULE_LOAD_FUNCTION(mod_tollgate_load);
SWITCH_MODULE_SHUTDOWN_FUNCTION(mod_tollgate_shutdown);
SWITCH_MODULE_DEFINITION(mod_tollgate, mod_tollgate_load, mod_tollgate_shutdown, NULL);

/* Held by FreeSWITCH for reading from before a call or command enters the module until it has left. NULL: not loaded. */
static switch_thread_rwlock_t *inside[2];

static switch_bool_t somebody_is_inside(void)
{
	size_t i;

	for (i = 0; i < sizeof(inside) / sizeof(inside[0]); i++) {
		if (inside[i]) {
			if (switch_thread_rwlock_trywrlock(inside[i]) != SWITCH_STATUS_SUCCESS) {
				return SWITCH_TRUE;
			}
			switch_thread_rwlock_unlock(inside[i]);
		}
	}
	return SWITCH_FALSE;
}

#define TG_APP_SYNTAX "[outbound|inbound] [profile=<name>] [home=<region>] [cause=<cause>|none] [number=<number>]"

SWITCH_MODULE_LOAD_FUNCTION(mod_tollgate_load)
{
	switch_api_interface_t *api_interface;
	switch_application_interface_t *app_interface;

	if (tollgate_abi_version() != TOLLGATE_ABI_VERSION) {
		switch_log_printf(SWITCH_CHANNEL_LOG, SWITCH_LOG_CRIT,
						  "libtollgate has ABI %u, mod_tollgate was built for %d: build it again\n",
						  (unsigned) tollgate_abi_version(), TOLLGATE_ABI_VERSION);
		return SWITCH_STATUS_TERM;
	}
	/* What was unloaded by force stayed in memory for them, with its locks: see the shutdown. */
	if (somebody_is_inside()) {
		switch_log_printf(SWITCH_CHANNEL_LOG, SWITCH_LOG_CRIT,
						  "a call or command is still inside mod_tollgate, which was unloaded by force: load it again when it has ended\n");
		return SWITCH_STATUS_TERM;
	}
	if (tg_events_start() != SWITCH_STATUS_SUCCESS) {
		switch_log_printf(SWITCH_CHANNEL_LOG, SWITCH_LOG_CRIT, "cannot reserve the events tollgate::…\n");
		return SWITCH_STATUS_TERM;
	}
	/* A missing index or a wrong tollgate.conf.xml does not keep the module from loading: calls get what
	 * on-error says, which lets emergency calls through; without the application they would all get 502. */
	if (tg_service_start(pool) != SWITCH_STATUS_SUCCESS) {
		tg_events_stop();
		return SWITCH_STATUS_TERM;
	}

	*module_interface = switch_loadable_module_create_module_interface(pool, modname);
	SWITCH_ADD_API(api_interface, "tollgate", "Number screening", tg_api, TG_API_SYNTAX);
	/* SAF_ROUTING_EXEC: may be inline="true", so that later conditions see the answer. */
	SWITCH_ADD_APP(app_interface, "tollgate", "Screen a call by its number",
				   "Sets tollgate_action and the other tollgate_ variables, and hangs up where the call is blocked.",
				   tg_application, TG_APP_SYNTAX,
				   SAF_ROUTING_EXEC | SAF_SUPPORT_NOMEDIA | SAF_SUPPORT_TEXT_ONLY);
	tg_completion_add();
	inside[0] = api_interface->rwlock;
	inside[1] = app_interface->rwlock;

	switch_log_printf(SWITCH_CHANNEL_LOG, SWITCH_LOG_INFO, "libtollgate %s\n", tollgate_version());
	return SWITCH_STATUS_SUCCESS;
}

SWITCH_MODULE_SHUTDOWN_FUNCTION(mod_tollgate_shutdown)
{
	/* FreeSWITCH has taken the interfaces back: nobody comes in any more. Who is inside it has waited for, but with
	 * unload -f and when it ends itself for ten seconds only. */
	tg_completion_remove();
	tg_service_stop();
	tg_events_stop();
	if (somebody_is_inside()) {
		switch_log_printf(SWITCH_CHANNEL_LOG, SWITCH_LOG_WARNING,
						  "a call or command is still inside mod_tollgate, whose code stays in memory for it\n");
		return SWITCH_STATUS_NOUNLOAD;
	}
	inside[0] = inside[1] = NULL;
	tg_service_free();
	return SWITCH_STATUS_SUCCESS;
}
