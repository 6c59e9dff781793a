/*
 * mod_tollgate.c: what FreeSWITCH loads. The overview is in mod_tollgate.h.
 *
 * Licensed under MIT or Apache-2.0, at your option.
 */

#include "mod_tollgate.h"

SWITCH_MODULE_LOAD_FUNCTION(mod_tollgate_load);
SWITCH_MODULE_SHUTDOWN_FUNCTION(mod_tollgate_shutdown);
SWITCH_MODULE_DEFINITION(mod_tollgate, mod_tollgate_load, mod_tollgate_shutdown, NULL);

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

	switch_log_printf(SWITCH_CHANNEL_LOG, SWITCH_LOG_INFO, "libtollgate %s\n", tollgate_version());
	return SWITCH_STATUS_SUCCESS;
}

SWITCH_MODULE_SHUTDOWN_FUNCTION(mod_tollgate_shutdown)
{
	/* FreeSWITCH has taken the interfaces back: no call is inside the module any more. */
	tg_completion_remove();
	tg_service_stop();
	tg_events_stop();
	return SWITCH_STATUS_SUCCESS;
}
