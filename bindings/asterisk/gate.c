/*
 * Tollgate for Asterisk.
 *
 * Licensed under MIT or Apache-2.0, at your option.
 */

/*! \file
 * \brief The index in force and its settings, and how others take their place.
 *
 * Both are one ao2 object that is never changed, only exchanged whole. Questions take no reference, which
 * would be a lock and three counts for each: they are counted in and out, and whoever exchanges the state
 * waits until all who may have seen the old one are out. So a gate is closed by nobody before the last call
 * that asks it is done.
 */

#include "tollgate_module.h"

#include "asterisk/astobj2.h"
#include "asterisk/sched.h"
#include "asterisk/utils.h"

/*! An index that could not be opened is not looked for more often than this, in milliseconds. */
#define LEAST_RETRY 1000

/*! How long whoever exchanges the state sleeps before he looks again whether all are out, in microseconds. */
#define GRACE 500

/*! What is in force. */
static struct tg_state *current;

/*!
 * How many are between tg_state_enter and tg_state_leave, in two counts, each in a cache line of its own.
 * Those who enter are counted in the one that `turn` names.
 */
static struct {
	int inside;
	char line[64 - sizeof(int)];
} readers[2] __attribute__((aligned(64)));

static unsigned int turn;

/*! Whoever exchanges the state, or thinks about it, holds this. Calls do not. */
AST_MUTEX_DEFINE_STATIC(reload_lock);

/*! Why the last reload failed, and the lock on that. */
AST_MUTEX_DEFINE_STATIC(problem_lock);
static char last_problem[512];
/*! Whether it is that of the index alone, so that it is over when another index is in place. */
static int index_problem;

/*! Looks for an index that is not there yet; NULL as long as none was missed. */
static struct ast_sched_context *scheduler;
static int retry_id = -1;

static void swapped(void *user_data, const struct tollgate_swap *swap)
{
	ast_log(LOG_NOTICE, "Another index is in place: %" PRIu64 " entries, %" PRIu64 " before\n",
		swap->entries, swap->entries_before);
	ast_mutex_lock(&problem_lock);
	if (index_problem) {
		last_problem[0] = '\0';
	}
	ast_mutex_unlock(&problem_lock);
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

const struct tg_state *tg_state_enter(int *section)
{
	*section = __atomic_load_n(&turn, __ATOMIC_RELAXED) & 1;
	__atomic_add_fetch(&readers[*section].inside, 1, __ATOMIC_SEQ_CST);
	return __atomic_load_n(&current, __ATOMIC_SEQ_CST);
}

void tg_state_leave(int section)
{
	__atomic_sub_fetch(&readers[section].inside, 1, __ATOMIC_RELEASE);
}

struct tg_state *tg_state_get(void)
{
	int section;
	const struct tg_state *state = tg_state_enter(&section);
	/* The object counts its references itself. */
	struct tg_state *held = ao2_bump((struct tg_state *) state);

	tg_state_leave(section);
	return held;
}

/*!
 * \brief Puts a state in force, or none. The reference to it is taken over. With the lock held, but for the
 * last time, when nobody else is left.
 *
 * Who has the old one was counted before he read it, and so before the exchange. So when each of the two
 * counts has been seen at zero after the exchange, nobody has it. That it comes to zero while calls keep
 * coming in is what the two are for: new ones are counted in the other.
 */
static void put(struct tg_state *state)
{
	struct tg_state *old = __atomic_exchange_n(&current, state, __ATOMIC_SEQ_CST);
	int i;

	if (!old) {
		return;
	}
	for (i = 0; i < 2; i++) {
		int section = __atomic_fetch_add(&turn, 1, __ATOMIC_SEQ_CST) & 1;

		while (__atomic_load_n(&readers[section].inside, __ATOMIC_SEQ_CST)) {
			usleep(GRACE);
		}
	}
	if (old->gate && (!state || old->gate != state->gate)) {
		/* Who still holds the old gate closes it, and must not wait for the thread that watches. */
		tollgate_unwatch(old->gate->gate);
	}
	ao2_ref(old, -1);
}

/*! \brief A state without a gate. \retval NULL where there is no memory. */
static struct tg_state *new_state(const struct tg_settings *settings)
{
	struct tg_state *state = ao2_alloc_options(sizeof(*state), free_state, AO2_ALLOC_OPT_LOCK_NOLOCK);

	if (state) {
		state->settings = *settings;
	}
	return state;
}

/*!
 * \brief Follows the file, or no longer. With the lock held.
 * \retval -1 where it cannot be followed: how it was followed before stays, and problem says why.
 */
static int follow(struct tg_gate *gate, unsigned int interval, char *problem, size_t size)
{
	tollgate_status status;

	if (gate->watched == interval) {
		return 0;
	}
	status = interval ? tollgate_watch(gate->gate, interval) : tollgate_unwatch(gate->gate);
	if (status != TOLLGATE_OK) {
		snprintf(problem, size, "the index cannot be followed: %s", tollgate_last_error());
		return -1;
	}
	gate->watched = interval;
	return 0;
}

/*! \brief Opens the index that the settings name. \retval NULL where it cannot; problem says why. */
static struct tg_gate *open_gate(const struct tg_settings *settings, char *problem, size_t size)
{
	struct tollgate_observer observer = TOLLGATE_OBSERVER_INIT;
	struct tollgate_options options = TOLLGATE_OPTIONS_INIT;
	tollgate_status status;
	/* Calls that name no profile would ask an index without it in vain. */
	const char * const profiles[] = { settings->profile, NULL };
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
	options.required_profiles = profiles;
	status = tollgate_open(settings->index, &options, &gate->gate);
	if (status != TOLLGATE_OK) {
		snprintf(problem, size, "%s%s", status == TOLLGATE_MISSING_PROFILE ? "'profile' of tollgate.conf: " : "",
			tollgate_last_error());
		ao2_ref(gate, -1);
		return NULL;
	}
	return gate;
}

/*! \brief Opens an index where there is none to keep: one that cannot be followed is better than none. */
static struct tg_gate *open_first(const struct tg_settings *settings, char *problem, size_t size)
{
	struct tg_gate *gate = open_gate(settings, problem, size);

	if (gate && follow(gate, settings->watch, problem, size)) {
		ast_log(LOG_ERROR, "After a change 'tollgate reload' is needed: %s\n", problem);
		problem[0] = '\0';
	}
	return gate;
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

static void set_problem(const char *problem, int of_index)
{
	SCOPED_MUTEX(lock, &problem_lock);

	index_problem = of_index;
	ast_copy_string(last_problem, problem, sizeof(last_problem));
}

static int retry(const void *unused);

/*!
 * \brief Looks for the index later, if the settings say that it is followed, and as often as they say. With the
 * lock held, for which retry() does not wait: to delete what is being run is to wait for its end.
 */
static void retry_later(const struct tg_settings *settings)
{
	AST_SCHED_DEL(scheduler, retry_id);
	if (!settings->watch) {
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

/*! \brief Opens an index that was not there. With the lock held. \retval 0 to end, 1 to be called again. */
static int look_again(void)
{
	RAII_VAR(struct tg_state *, state, tg_state_get(), ao2_cleanup);
	struct tg_state *next;
	char problem[sizeof(state->problem)] = "";

	if (!state || state->gate || !state->settings.watch) {
		retry_id = -1;
		return 0;
	}
	next = new_state(&state->settings);
	if (!next) {
		return 1;
	}
	next->gate = open_first(&state->settings, problem, sizeof(problem));
	if (next->gate) {
		ast_log(LOG_NOTICE, "The index is there now: %s\n", state->settings.index);
		set_problem("", 0);
		put(next);
		retry_id = -1;
		return 0;
	}
	/* Said once, not every second. */
	if (strcmp(problem, state->problem)) {
		log_missing(&state->settings, problem);
		ast_copy_string(next->problem, problem, sizeof(next->problem));
		put(next);
	} else {
		ao2_ref(next, -1);
	}
	return 1;
}

static int retry(const void *unused)
{
	int again;

	/* Whoever has it looks for the index himself, and may wait for this: see retry_later. */
	if (ast_mutex_trylock(&reload_lock)) {
		return 1;
	}
	again = look_again();
	ast_mutex_unlock(&reload_lock);
	return again;
}

int tg_gate_start(const struct tg_settings *settings)
{
	SCOPED_MUTEX(lock, &reload_lock);
	struct tg_state *state = new_state(settings);

	if (!state) {
		return -1;
	}
	set_problem("", 0);
	state->gate = open_first(settings, state->problem, sizeof(state->problem));
	if (!state->gate) {
		log_missing(settings, state->problem);
		retry_later(settings);
	}
	put(state);
	return 0;
}

/*! \brief Whether a gate has lost more of the entries of the one before than it may. \retval -1 then. */
static int lost_too_much(const struct tg_gate *old, const struct tg_gate *gate, uint32_t max_loss, char *problem,
	size_t size)
{
	struct tollgate_info before;
	struct tollgate_info after;
	uint64_t percent = max_loss == TOLLGATE_NO_LOSS ? 0 : max_loss ? max_loss : TG_MAX_LOSS;

	if (tollgate_get_info(old->gate, &before) != TOLLGATE_OK
		|| tollgate_get_info(gate->gate, &after) != TOLLGATE_OK) {
		ast_copy_string(problem, tollgate_last_error(), size);
		return -1;
	}
	if (after.entries >= before.entries || (before.entries - after.entries) * 100 <= before.entries * percent) {
		return 0;
	}
	snprintf(problem, size, "the new index has %" PRIu64 " entries where the current one has %" PRIu64 ", a loss of"
		" more than %" PRIu64 " %% (max_loss); check the lists, or 'tollgate reload force' if this is meant",
		after.entries, before.entries, percent);
	return -1;
}

/*!
 * \brief A gate for other settings: that of the state, with the file as it is now, or a new one.
 * \retval NULL where there is none: that of the state is as it was, and problem says why.
 *
 * A gate keeps the options that it was opened with, and counts what it judged. So it is kept as long as it can be.
 */
static struct tg_gate *next_gate(const struct tg_state *state, const struct tg_settings *settings, int any_loss,
	char *problem, size_t size)
{
	const struct tg_settings *old = &state->settings;
	unsigned int watched = state->gate->watched;
	char unused[512];
	struct tg_gate *gate;

	if (!strcmp(old->index, settings->index) && !strcmp(old->profile, settings->profile)
		&& old->max_loss == settings->max_loss && old->mapped == settings->mapped) {
		/* What can fail and can be taken back comes first. */
		if (follow(state->gate, settings->watch, problem, size)) {
			ast_log(LOG_ERROR, "The old settings and the old index stay: %s\n", problem);
			return NULL;
		}
		if (tollgate_reload_within(state->gate->gate, any_loss ? 100 : settings->max_loss, NULL) != TOLLGATE_OK) {
			ast_copy_string(problem, tollgate_last_error(), size);
			follow(state->gate, watched, unused, sizeof(unused));
			return NULL;
		}
		return ao2_bump(state->gate);
	}
	gate = open_gate(settings, problem, size);
	if (gate && ((!any_loss && lost_too_much(state->gate, gate, settings->max_loss, problem, size))
		|| follow(gate, settings->watch, problem, size))) {
		ao2_ref(gate, -1);
		gate = NULL;
	}
	if (!gate) {
		ast_log(LOG_ERROR, "The new index is refused, the old one stays: %s\n", problem);
	}
	return gate;
}

/*!
 * \brief What tg_gate_reload does, and message where it failed. With the lock held.
 * \param of_index Whether it failed for the index alone, and there are no settings that are still to be taken.
 */
static int reload(int any_loss, struct tg_state *state, int *of_index, char *message, size_t size)
{
	struct tg_settings settings;
	struct tollgate_info info;
	struct tg_state *next;
	const char *kept = state->gate ? "The old settings and the old index stay" : "The old settings stay";
	char problem[512] = "";

	if (tg_settings_read(&settings, problem, sizeof(problem))) {
		ast_log(LOG_ERROR, "%s: %s\n", kept, problem);
		snprintf(message, size, "%s: %s", kept, problem);
		return -1;
	}
	/* Whatever can fail comes before anything is changed. */
	next = new_state(&settings);
	if (!next) {
		snprintf(message, size, "%s: there is no memory", kept);
		return -1;
	}
	if (!state->gate) {
		next->gate = open_first(&settings, next->problem, sizeof(next->problem));
		if (!next->gate) {
			/* Nothing to keep: the settings take effect, on_error among them. */
			log_missing(&settings, next->problem);
			snprintf(message, size, "The settings are taken, and there is no index: %s", next->problem);
			put(next);
			retry_later(&settings);
			return -1;
		}
	} else {
		next->gate = next_gate(state, &settings, any_loss, problem, sizeof(problem));
		if (!next->gate) {
			*of_index = !memcmp(&settings, &state->settings, sizeof(settings));
			snprintf(message, size, "%s: %s", kept, problem);
			ao2_ref(next, -1);
			return -1;
		}
	}
	if (tollgate_get_info(next->gate->gate, &info) == TOLLGATE_OK) {
		snprintf(message, size, "Reloaded: policy %s with %" PRIu64 " entries, from %s", info.policy, info.entries,
			settings.index);
	} else {
		ast_copy_string(message, "Reloaded", size);
	}
	put(next);
	return 0;
}

int tg_gate_reload(int any_loss, char *message, size_t size)
{
	SCOPED_MUTEX(lock, &reload_lock);
	RAII_VAR(struct tg_state *, state, tg_state_get(), ao2_cleanup);
	int of_index = 0;
	int result;

	if (!state) {
		ast_copy_string(message, "The module is not running", size);
		return -1;
	}
	result = reload(any_loss, state, &of_index, message, size);
	set_problem(result ? message : "", of_index);
	return result;
}

void tg_gate_problem(char *problem, size_t size)
{
	SCOPED_MUTEX(lock, &problem_lock);

	ast_copy_string(problem, last_problem, size);
}

void tg_gate_stop(void)
{
	/* Not under the lock, which the thread that is waited for may want. */
	if (scheduler) {
		ast_sched_context_destroy(scheduler);
		scheduler = NULL;
	}
	retry_id = -1;
	put(NULL);
}
