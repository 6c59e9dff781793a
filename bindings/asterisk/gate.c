/*
 * Tollgate for Asterisk.
 *
 * Licensed under MIT or Apache-2.0, at your option.
 */

/*! \file
 * \brief The index in force and its settings, and how others take their place.
 *
 * Both are one ao2 object that is never changed, only exchanged whole. A call takes a reference, asks,
 * and lets it go, so a gate is closed by nobody before the last call that asks it is done.
 */

#include "tollgate_module.h"

#include "asterisk/astobj2.h"
#include "asterisk/sched.h"
#include "asterisk/utils.h"

/*! An index that could not be opened is not looked for more often than this, in milliseconds. */
#define LEAST_RETRY 1000

static AO2_GLOBAL_OBJ_STATIC(current);

/*! Whoever exchanges the state, or thinks about it, holds this. Calls do not. */
AST_MUTEX_DEFINE_STATIC(reload_lock);

/*! Looks for an index that is not there yet; NULL as long as none was missed. */
static struct ast_sched_context *scheduler;
static int retry_id = -1;

static void swapped(void *user_data, const struct tollgate_swap *swap)
{
	ast_log(LOG_NOTICE, "Another index is in place: %" PRIu64 " entries, %" PRIu64 " before\n",
		swap->entries, swap->entries_before);
}

static void refused(void *user_data, int32_t status, const char *message)
{
	ast_log(LOG_ERROR, "The new index is refused, the old one stays: %s\n", message);
}

static void close_gate(void *object)
{
	struct tg_gate *gate = object;

	tollgate_close(gate->gate);
}

static void free_state(void *object)
{
	struct tg_state *state = object;

	ao2_cleanup(state->gate);
}

/*! \brief Follows the file, or no longer. */
static void follow(struct tg_gate *gate, unsigned int interval)
{
	tollgate_status status = interval
		? tollgate_watch(gate->gate, interval)
		: tollgate_unwatch(gate->gate);

	if (status != TOLLGATE_OK) {
		ast_log(LOG_ERROR, "The index is not followed, and has to be reloaded by hand: %s\n",
			tollgate_last_error());
	}
}

/*! \brief Opens the index that the settings name. \retval NULL where it cannot; problem says why. */
static struct tg_gate *open_gate(const struct tg_settings *settings, char *problem, size_t size)
{
	struct tollgate_observer observer = TOLLGATE_OBSERVER_INIT;
	struct tollgate_options options = TOLLGATE_OPTIONS_INIT;
	struct tg_gate *gate = ao2_alloc_options(sizeof(*gate), close_gate, AO2_ALLOC_OPT_LOCK_NOLOCK);

	if (!gate) {
		ast_copy_string(problem, "there is no memory", size);
		return NULL;
	}
	observer.swapped = swapped;
	observer.refused = refused;
	options.observer = &observer;
	options.max_loss_percent = settings->max_loss;
	options.mapped = settings->mapped;
	if (tollgate_open(settings->index, &options, &gate->gate) != TOLLGATE_OK) {
		ast_copy_string(problem, tollgate_last_error(), size);
		ao2_ref(gate, -1);
		return NULL;
	}
	follow(gate, settings->watch);
	return gate;
}

/*! \brief Puts settings and gate in force. The reference to the gate is taken over. */
static int put(const struct tg_settings *settings, struct tg_gate *gate, const char *problem)
{
	struct tg_state *state = ao2_alloc_options(sizeof(*state), free_state, AO2_ALLOC_OPT_LOCK_NOLOCK);
	struct tg_state *old;

	if (!state) {
		ao2_cleanup(gate);
		return -1;
	}
	state->settings = *settings;
	state->gate = gate;
	ast_copy_string(state->problem, problem, sizeof(state->problem));
	old = ao2_global_obj_replace(current, state);
	ao2_ref(state, -1);
	if (old && old->gate && old->gate != gate) {
		/* The last call that asks the old gate closes it, and must not wait for the thread that watches. */
		tollgate_unwatch(old->gate->gate);
	}
	ao2_cleanup(old);
	return 0;
}

/*! \brief A word of warning where the profile of calls that name none is not in the index. */
static void check_profile(const struct tg_settings *settings, const struct tg_gate *gate)
{
	struct tollgate_query query = TOLLGATE_QUERY_INIT;

	query.profile = settings->profile;
	if (tollgate_check_query(gate->gate, &query) != TOLLGATE_OK) {
		ast_log(LOG_ERROR, "on_error decides calls that name no profile: %s\n", tollgate_last_error());
	}
}

static const char *on_error_text(const struct tg_settings *settings, int direction)
{
	return settings->direction[direction].on_error == TOLLGATE_ALLOW ? "allowed" : "blocked";
}

static void log_missing(const struct tg_settings *settings, const char *problem)
{
	ast_log(LOG_ERROR, "There is no index: outbound calls are %s, inbound calls are %s (on_error): %s\n",
		on_error_text(settings, TOLLGATE_OUTBOUND), on_error_text(settings, TOLLGATE_INBOUND), problem);
}

static int retry(const void *unused);

/*! \brief Looks for the index later, if the settings say that it is followed. With the lock held. */
static void retry_later(const struct tg_settings *settings)
{
	if (!settings->watch || retry_id >= 0) {
		return;
	}
	if (!scheduler) {
		scheduler = ast_sched_context_create();
		if (scheduler && ast_sched_start_thread(scheduler)) {
			ast_sched_context_destroy(scheduler);
			scheduler = NULL;
		}
	}
	if (scheduler) {
		retry_id = ast_sched_add(scheduler, MAX(settings->watch, LEAST_RETRY), retry, NULL);
	}
	if (retry_id < 0) {
		ast_log(LOG_ERROR, "The missing index is not looked for, and has to be loaded by hand\n");
	}
}

/*! \brief Opens an index that was not there. \retval 0 to end, else when to be called again. */
static int retry(const void *unused)
{
	SCOPED_MUTEX(lock, &reload_lock);
	RAII_VAR(struct tg_state *, state, tg_state_get(), ao2_cleanup);
	char problem[sizeof(state->problem)];
	struct tg_gate *gate;

	if (!state || state->gate || !state->settings.watch) {
		retry_id = -1;
		return 0;
	}
	gate = open_gate(&state->settings, problem, sizeof(problem));
	if (!gate) {
		/* Said once, not every second. */
		if (strcmp(problem, state->problem)) {
			log_missing(&state->settings, problem);
			put(&state->settings, NULL, problem);
		}
		return MAX(state->settings.watch, LEAST_RETRY);
	}
	check_profile(&state->settings, gate);
	ast_log(LOG_NOTICE, "The index is there now: %s\n", state->settings.index);
	put(&state->settings, gate, "");
	retry_id = -1;
	return 0;
}

struct tg_state *tg_state_get(void)
{
	return ao2_global_obj_ref(current);
}

int tg_gate_start(const struct tg_settings *settings)
{
	SCOPED_MUTEX(lock, &reload_lock);
	char problem[512] = "";
	struct tg_gate *gate = open_gate(settings, problem, sizeof(problem));

	if (gate) {
		check_profile(settings, gate);
	} else {
		log_missing(settings, problem);
	}
	if (put(settings, gate, problem)) {
		return -1;
	}
	if (!gate) {
		retry_later(settings);
	}
	return 0;
}

/*! \brief A gate for the settings: that of the state, with the file as it is now, or a new one. */
static struct tg_gate *next_gate(const struct tg_state *state, const struct tg_settings *settings, int any_loss,
	char *problem, size_t size)
{
	const struct tg_settings *old = &state->settings;
	struct tg_gate *gate;

	if (state->gate && !strcmp(old->index, settings->index)) {
		/* Not the gate's own limit, which is that of the settings before: 50 is what no setting means. */
		uint32_t loss = any_loss ? 100 : settings->max_loss ? settings->max_loss : 50;

		if (tollgate_reload_within(state->gate->gate, loss, NULL) != TOLLGATE_OK) {
			ast_copy_string(problem, tollgate_last_error(), size);
			return NULL;
		}
		if (old->max_loss == settings->max_loss && old->mapped == settings->mapped) {
			follow(state->gate, settings->watch);
			return ao2_bump(state->gate);
		}
		/* A gate keeps the options that it was opened with. The file's loss has been looked at above. */
	}
	gate = open_gate(settings, problem, size);
	if (!gate && state->gate) {
		ast_log(LOG_ERROR, "The new index is refused, the old one stays: %s\n", problem);
	}
	return gate;
}

int tg_gate_reload(int any_loss, char *message, size_t size)
{
	SCOPED_MUTEX(lock, &reload_lock);
	RAII_VAR(struct tg_state *, state, tg_state_get(), ao2_cleanup);
	struct tg_settings settings;
	struct tollgate_info info;
	struct tg_gate *gate;
	char problem[512] = "";

	if (!state) {
		ast_copy_string(message, "The module is not running", size);
		return -1;
	}
	if (tg_settings_read(&settings, problem, sizeof(problem))) {
		ast_log(LOG_ERROR, "The old settings and the old index stay: %s\n", problem);
		snprintf(message, size, "The old settings and the old index stay: %s", problem);
		return -1;
	}
	gate = next_gate(state, &settings, any_loss, problem, sizeof(problem));
	if (!gate && state->gate) {
		snprintf(message, size, "The old settings and the old index stay: %s", problem);
		return -1;
	}
	if (gate) {
		check_profile(&settings, gate);
	} else {
		/* Nothing to keep: the settings take effect, on_error among them. */
		log_missing(&settings, problem);
	}
	if (put(&settings, gate, problem)) {
		ast_copy_string(message, "There is no memory; the old settings stay", size);
		return -1;
	}
	if (!gate) {
		retry_later(&settings);
		snprintf(message, size, "There is no index: %s", problem);
		return -1;
	}
	if (tollgate_get_info(gate->gate, &info) == TOLLGATE_OK) {
		snprintf(message, size, "Reloaded: policy %s with %" PRIu64 " entries, from %s", info.policy,
			info.entries, settings.index);
	} else {
		ast_copy_string(message, "Reloaded", size);
	}
	return 0;
}

void tg_gate_stop(void)
{
	struct tg_state *old;

	/* Not under the lock, which the thread that is waited for may want. */
	if (scheduler) {
		ast_sched_context_destroy(scheduler);
		scheduler = NULL;
	}
	retry_id = -1;
	old = ao2_global_obj_replace(current, NULL);
	ao2_cleanup(old);
}
