/*
 * Tollgate for Asterisk.
 *
 * Licensed under MIT or Apache-2.0, at your option. A module that is made of it is loaded into
 * Asterisk, and so, as a whole, comes under the GNU General Public License version 2: take the MIT
 * licence for that.
 */

/*! \file
 * \brief Number screening: which calls may go out or come in. Loading, reloading, unloading.
 */

/*** MODULEINFO
	<support_level>extended</support_level>
 ***/

#include "tollgate_module.h"

#include "asterisk/module.h"
#include "asterisk/utils.h"

/*! How long the unloading waits for users, in microseconds, and how often. */
#define UNLOAD_WAIT 20000
#define UNLOAD_TRIES 250

/*! \brief Registers what is not registered yet. All of it is tried, so that the log has every name that is taken. */
static int register_all(void)
{
	int result = tg_dialplan_register();

	result |= tg_cli_register();
	result |= tg_ami_register();
	return result;
}

/*! \brief Adds up Asterisk's own count of the module's users. */
static int add_uses(const char *module, const char *description, int uses, const char *status, const char *like,
	enum ast_module_support_level support_level, void *data)
{
	if (!strcmp(module, AST_MODULE ".so")) {
		*(int *) data += uses;
	}
	return 0;
}

/*!
 * \brief No new calls, and then none.
 * \retval -1 where somebody does not leave the module.
 *
 * Asterisk counts whoever is inside a function, an application, a command or an action of the module, and
 * refuses to unload it while there are some, unless it is forced. But calls enter between its look at the
 * count and our unregistering. So it is looked at once more, as long as it takes them to leave: a question
 * takes microseconds, and what a blocked call is hung up by some milliseconds. The first wait is for those
 * who had found function or application and were on their way. Commands have a count of their own, which
 * covers what Asterisk does with them after they have returned.
 */
static int unregister_all(void)
{
	int tries;

	tg_ami_unregister();
	tg_dialplan_unregister();
	for (tries = 0; tries < UNLOAD_TRIES; tries++) {
		int commands = tg_cli_unregister();
		int uses = 0;

		usleep(UNLOAD_WAIT);
		ast_update_module_list_data(add_uses, AST_MODULE, &uses);
		if (!uses && !commands) {
			return 0;
		}
	}
	return -1;
}

static int load_module(void)
{
	struct tg_settings settings;
	char problem[512];

	if (tollgate_abi_version() != TOLLGATE_ABI_VERSION) {
		ast_log(LOG_ERROR, "Built for libtollgate's ABI %d, linked to %" PRIu32 "\n", TOLLGATE_ABI_VERSION,
			tollgate_abi_version());
		return AST_MODULE_LOAD_DECLINE;
	}
	if (tg_settings_read(&settings, problem, sizeof(problem))) {
		ast_log(LOG_ERROR, "Not loaded: %s\n", problem);
		return AST_MODULE_LOAD_DECLINE;
	}
	if (tg_thread_exit_start()) {
		ast_log(LOG_ERROR, "Not loaded: the process has no key left for what is done when a thread ends\n");
		return AST_MODULE_LOAD_DECLINE;
	}
	if (tg_gate_start(&settings)) {
		ast_log(LOG_ERROR, "Not loaded: there is no memory\n");
		tg_thread_exit_stop();
		return AST_MODULE_LOAD_DECLINE;
	}
	if (register_all()) {
		ast_log(LOG_ERROR, "Not loaded: what is named above cannot be registered; unload the module that has"
			" the name, and load this one again\n");
		/* Calls may have found the rest already, and a module that has declined may be unmapped at any time. */
		while (unregister_all()) {
			ast_log(LOG_ERROR, "Somebody is still inside the module: waiting\n");
		}
		tg_gate_stop();
		tg_thread_exit_stop();
		return AST_MODULE_LOAD_DECLINE;
	}
	return AST_MODULE_LOAD_SUCCESS;
}

static int reload_module(void)
{
	char message[1024];

	/* What went wrong is in the log by then. */
	return tg_gate_reload(0, message, sizeof(message)) ? AST_MODULE_LOAD_DECLINE : AST_MODULE_LOAD_SUCCESS;
}

static int unload_module(void)
{
	if (unregister_all()) {
		ast_log(LOG_ERROR, "Not unloaded: somebody is still inside the module; try again when 'core show"
			" channels' and the consoles are quiet\n");
		if (register_all()) {
			ast_log(LOG_ERROR, "What could not be registered again is named above: restart Asterisk\n");
		}
		return -1;
	}
	tg_gate_stop();
	tg_thread_exit_stop();
	return 0;
}

AST_MODULE_INFO(ASTERISK_GPL_KEY, AST_MODFLAG_LOAD_ORDER, "Tollgate number screening",
	.support_level = AST_MODULE_SUPPORT_EXTENDED,
	.load = load_module,
	.unload = unload_module,
	.reload = reload_module,
	/* Before the channel drivers, which bring calls. */
	.load_pri = AST_MODPRI_CHANNEL_DEPEND,
);
