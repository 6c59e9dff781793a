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

/*! How many threads are inside the module. */
static int users;

void tg_enter(void)
{
	ast_atomic_fetchadd_int(&users, +1);
}

void tg_leave(void)
{
	ast_atomic_fetchadd_int(&users, -1);
}

/*! \brief No new calls, and then none. */
static void unregister_all(void)
{
	tg_ami_unregister();
	tg_cli_unregister();
	tg_dialplan_unregister();
	tg_thread_exit_stop();
	while (ast_atomic_fetchadd_int(&users, 0)) {
		usleep(1000);
	}
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
		ast_log(LOG_ERROR, "Not loaded: the process has no thread-specific key left\n");
		return AST_MODULE_LOAD_DECLINE;
	}
	if (tg_gate_start(&settings) || tg_dialplan_register() || tg_cli_register() || tg_ami_register()) {
		ast_log(LOG_ERROR, "Not loaded: function, application, commands or action cannot be registered\n");
		unregister_all();
		tg_gate_stop();
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
	unregister_all();
	tg_gate_stop();
	return 0;
}

AST_MODULE_INFO(ASTERISK_GPL_KEY, AST_MODFLAG_LOAD_ORDER, "Tollgate number screening",
	.support_level = AST_MODULE_SUPPORT_EXTENDED,
	.load = load_module,
	.unload = unload_module,
	.reload = reload_module,
	/* Before the dialplan and the channel drivers take calls. */
	.load_pri = AST_MODPRI_APP_DEPEND,
);
