/*
 * Tollgate for Asterisk.
 *
 * Licensed under MIT or Apache-2.0, at your option. A module that is made of it is loaded into
 * Asterisk, and so, as a whole, comes under the GNU General Public License version 2: take the MIT
 * licence for that.
 */

/*! \file
 * \brief What the files of res_tollgate share.
 *
 * settings.c reads tollgate.conf, gate.c holds the index in force, screen.c asks it, dialplan.c,
 * cli.c and ami.c are the three ways in, thread_exit.c lets the module be unloaded.
 */

#ifndef TOLLGATE_MODULE_H
#define TOLLGATE_MODULE_H

#include "asterisk.h"

#include "asterisk/channel.h"

#include "tollgate.h"

/*! Both directions, as tollgate_direction numbers them. */
#define TG_DIRECTIONS 2

/*! The share of its entries that a new index may have lost by default, in percent: the library's. */
#define TG_MAX_LOSS 50

/*! A name of the library's, and its NUL. */
#define TG_NAME 48

/*! What is done with blocked calls of one direction, and with those that cannot be judged. */
struct tg_direction {
	/*! The action where there is no verdict: a tollgate_action. */
	int on_error;
	/*! The SIP status of a blocked call; 0 where only the cause is set. */
	int sip;
	/*! The hang-up cause of a blocked call. */
	int cause;
	/*! Where a blocked call goes instead of being hung up; may be empty. */
	char context[AST_MAX_CONTEXT];
};

/*! tollgate.conf, read. */
struct tg_settings {
	/*! The index file. */
	char index[PATH_MAX];
	/*! The profile of calls that name none. */
	char profile[TG_NAME];
	/*! How often the index file is looked at, in milliseconds; 0 is never. */
	unsigned int watch;
	/*! How much a new index may have lost, as tollgate_options has it. */
	uint32_t max_loss;
	/*! Whether the index is mapped and not read. */
	unsigned int mapped;
	/*! What is let out without an index, between commas. */
	char emergency[256];
	struct tg_direction direction[TG_DIRECTIONS];
};

/*! An open index, an ao2 object. */
struct tg_gate {
	tollgate_gate *gate;
	/*! How often its file is looked at, in milliseconds; 0 is never. Only with the lock of reloads. */
	unsigned int watched;
};

/*! What calls are judged by: settings, and an index if there is one. An ao2 object, never changed. */
struct tg_state {
	struct tg_settings settings;
	/*! NULL where no index could be opened yet. */
	struct tg_gate *gate;
	/*! Why there is none. */
	char problem[512];
};

/*! What is asked. */
struct tg_request {
	const char *number;
	/*! NULL or empty for that of the settings. */
	const char *profile;
	/*! A tollgate_direction. */
	int direction;
};

/*! The answer, and what TOLLGATE_RESULT says of it. */
struct tg_result {
	struct tollgate_verdict verdict;
	int direction;
	/*! Why on_error decided; empty where the index did. */
	char error[256];
	/*! What was asked about, without what could do harm in a log. */
	char dialled[128];
};

/* settings.c */

/*!
 * \brief Reads tollgate.conf.
 * \retval 0 on success; a file that is not there means the defaults.
 * \retval -1 where anything in it cannot be right; problem says what.
 */
int tg_settings_read(struct tg_settings *settings, char *problem, size_t size);

/* gate.c */

/*!
 * \brief What is in force, for a question; NULL only before the load and after the unload.
 * \param section What tg_state_leave has to be told.
 *
 * Takes no lock and no reference. Until tg_state_leave nothing may be done that can wait: whoever puts
 * another state in force waits for all who are between the two.
 */
const struct tg_state *tg_state_enter(int *section);

/*! \brief The end of tg_state_enter. */
void tg_state_leave(int section);

/*! \brief What is in force, with a reference, for those who take longer; NULL as tg_state_enter. */
struct tg_state *tg_state_get(void);

/*! \brief Takes the settings, opens the index if it can, and follows it. */
int tg_gate_start(const struct tg_settings *settings);

/*!
 * \brief Reads settings and index again, and takes both or neither.
 *
 * Not in one step where the same gate goes on, which is where `index`, `profile`, `max_loss` and `mapped` are as
 * they were: a call may be judged by the new index and still by the old on_error and hangup.
 * \param any_loss Whether an index is taken however many entries it lost.
 * \param message What came of it, for people.
 * \retval 0 on success.
 * \retval -1 where what was in force stays; or where nothing was, and there is still no index.
 */
int tg_gate_reload(int any_loss, char *message, size_t size);

/*!
 * \brief Why the last reload failed; empty where it did not, or failed for the index alone and another one is in
 * place by now.
 */
void tg_gate_problem(char *problem, size_t size);

/*! \brief Lets go of everything. */
void tg_gate_stop(void);

/* screen.c */

/*!
 * \brief Judges a number. Never fails: without a verdict on_error decides.
 *
 * Takes no lock, allocates nothing and tells nobody, so it may be called with a channel locked.
 */
void tg_judge(const struct tg_request *request, struct tg_result *result);

/*! \brief Judges a number that was dialled as an emergency number. \retval 0 where it is none: result says nothing then. */
int tg_judge_emergency(const char *number, struct tg_result *result);

/*! \brief The answer to a request that cannot be right: blocked, whatever on_error says. */
void tg_refuse(int direction, const char *text, const char *why, struct tg_result *result);

/*! \brief Whether there is anything to tell of a result: a block, or no verdict. */
int tg_is_news(const struct tg_result *result);

/*! \brief Tells the log and the manager of a call that was blocked or not judged. Not with the channel locked. */
void tg_tell(struct ast_channel *chan, const struct tg_result *result);

/*! \brief "outbound" or "inbound" to a tollgate_direction; -1 for anything else. Empty is outbound. */
int tg_direction_parse(const char *text);

/*! \brief A field of a result by its name. \retval NULL where there is no such field. */
const char *tg_result_field(const struct tg_result *result, const char *field, char *buf, size_t size);

/*! \brief Copies text for logs and events: control characters and what is not ASCII become '?'. */
void tg_printable(char *to, size_t size, const char *from);

/*
 * dialplan.c, cli.c, ami.c. To register is to register what is not registered yet: 0 where all of it is
 * then. To unregister is to unregister what is, and never what another module has under the same name.
 */

int tg_dialplan_register(void);
void tg_dialplan_unregister(void);
int tg_cli_register(void);
/*! \retval -1 where a command is still under way: to be called again. */
int tg_cli_unregister(void);
int tg_ami_register(void);
void tg_ami_unregister(void);

/*! \brief The manager's event of a blocked call. */
void tg_ami_blocked(struct ast_channel *chan, const struct tg_result *result);

/* thread_exit.c */

/*! \brief Prepares for threads that end after they asked the library. Before the library is first called. */
int tg_thread_exit_start(void);

/*!
 * \brief Gives up on threads that still live, so that the module can be unmapped before they end. After the
 * library was last called: its own threads have ended by then, and have given back what they had.
 */
void tg_thread_exit_stop(void);

#endif /* TOLLGATE_MODULE_H */
