/*
 * Tollgate for Asterisk.
 *
 * Licensed under MIT or Apache-2.0, at your option.
 */

/*! \file
 * \brief What the tests need inside of Asterisk. Not installed.
 *
 * TOLLGATE_FLOOR does nothing: what it costs is what Asterisk takes to call any function. (It stands behind
 * TOLLGATE in Asterisk's list of functions, which is searched from its beginning.) TOLLGATE_CPU is the time
 * that the processor has spent on this thread, which does not tell what else the machine does. And "test
 * take" has names that res_tollgate wants.
 */

/*** MODULEINFO
	<support_level>extended</support_level>
 ***/

#include "asterisk.h"

#include "asterisk/cli.h"
#include "asterisk/manager.h"
#include "asterisk/module.h"
#include "asterisk/pbx.h"
#include "asterisk/strings.h"

#include <time.h>

static int floor_read(struct ast_channel *chan, const char *cmd, char *data, char *buf, size_t len)
{
	ast_copy_string(buf, "allow", len);
	return 0;
}

static int cpu_read(struct ast_channel *chan, const char *cmd, char *data, char *buf, size_t len)
{
	struct timespec now;

	clock_gettime(CLOCK_THREAD_CPUTIME_ID, &now);
	snprintf(buf, len, "%lld", now.tv_sec * 1000000000LL + now.tv_nsec);
	return 0;
}

static struct ast_custom_function floor_function = { .name = "TOLLGATE_FLOOR", .read = floor_read };
static struct ast_custom_function cpu_function = { .name = "TOLLGATE_CPU", .read = cpu_read };

/* What is taken: it answers nothing that the module would. */
static struct ast_custom_function function = { .name = "TOLLGATE", .read = cpu_read };
static struct ast_custom_function result_function = { .name = "TOLLGATE_RESULT", .read = cpu_read };

static int exec(struct ast_channel *chan, const char *data)
{
	return -1;
}

static int action(struct mansession *s, const struct message *m)
{
	astman_send_ack(s, m, "taken");
	return 0;
}

static char *handle_taken(struct ast_cli_entry *e, int cmd, struct ast_cli_args *a)
{
	if (cmd == CLI_INIT) {
		e->command = "tollgate show status";
		e->usage = "Usage: tollgate show status\n";
	} else if (cmd == CLI_HANDLER) {
		ast_cli(a->fd, "taken\n");
	}
	return cmd == CLI_HANDLER ? CLI_SUCCESS : NULL;
}

static struct ast_cli_entry taken = AST_CLI_DEFINE(handle_taken, "Is taken");

static int take(const char *what)
{
	if (!strcmp(what, "function")) {
		return ast_custom_function_register(&function);
	} else if (!strcmp(what, "result")) {
		return ast_custom_function_register(&result_function);
	} else if (!strcmp(what, "application")) {
		return ast_register_application2("Tollgate", exec, "Taken", "Taken", AST_MODULE_SELF);
	} else if (!strcmp(what, "command")) {
		return ast_cli_register(&taken);
	} else if (!strcmp(what, "action")) {
		return ast_manager_register2("TollgateScreen", EVENT_FLAG_CALL, action, AST_MODULE_SELF, "Taken", "Taken");
	}
	return -1;
}

static int give(const char *what)
{
	if (!strcmp(what, "function")) {
		return ast_custom_function_unregister(&function);
	} else if (!strcmp(what, "result")) {
		return ast_custom_function_unregister(&result_function);
	} else if (!strcmp(what, "application")) {
		return ast_unregister_application("Tollgate");
	} else if (!strcmp(what, "command")) {
		return ast_cli_unregister(&taken);
	} else if (!strcmp(what, "action")) {
		return ast_manager_unregister("TollgateScreen");
	}
	return -1;
}

static char *handle_names(struct ast_cli_entry *e, int cmd, struct ast_cli_args *a)
{
	int result;

	switch (cmd) {
	case CLI_INIT:
		e->command = "test names {take|give}";
		e->usage = "Usage: test names <take|give> <function|result|application|command|action>\n";
		return NULL;
	case CLI_GENERATE:
		return NULL;
	}
	if (a->argc != 4) {
		return CLI_SHOWUSAGE;
	}
	result = strcmp(a->argv[2], "take") ? give(a->argv[3]) : take(a->argv[3]);
	ast_cli(a->fd, "%s\n", result ? "failed" : "done");
	return result ? CLI_FAILURE : CLI_SUCCESS;
}

static struct ast_cli_entry names[] = { AST_CLI_DEFINE(handle_names, "Takes and gives names") };

static int load_module(void)
{
	return ast_custom_function_register(&floor_function) || ast_custom_function_register(&cpu_function)
		|| ast_cli_register_multiple(names, ARRAY_LEN(names)) ? AST_MODULE_LOAD_DECLINE : AST_MODULE_LOAD_SUCCESS;
}

static int unload_module(void)
{
	ast_cli_unregister_multiple(names, ARRAY_LEN(names));
	ast_custom_function_unregister(&cpu_function);
	ast_custom_function_unregister(&floor_function);
	return 0;
}

AST_MODULE_INFO(ASTERISK_GPL_KEY, AST_MODFLAG_DEFAULT, "Tollgate's tests",
	.support_level = AST_MODULE_SUPPORT_EXTENDED,
	.load = load_module,
	.unload = unload_module,
);
