/*
 * service.c: the settings and the index in force, and their exchange.
 *
 * Whoever reloads, by command or by watching, holds `reloading`: settings are read and an index is opened aside,
 * and looked at; only then is one pointer exchanged, so that a call meets either all of the old or all of the new.
 * A gate of the library has one index here as long as it lives. (Its own way of reloading puts an index in force
 * before this module could see that the default profile is not in it, or exchange its settings with it.) So the
 * index before, for a rollback, is the gate before, and counts are summed over gates.
 *
 * Calls take no lock. They count themselves in and out on one of two sides; who has exchanged the pointer waits
 * until each side was empty once, after which nobody can have the old one. New calls come in on the other
 * side meanwhile, so that the wait ends.
 *
 * Licensed under MIT or Apache-2.0, at your option.
 */

#include "mod_tollgate.h"
#include <sys/stat.h>

/* An index that was opened, never to be exchanged for another one inside its gate. */
struct tg_gate {
	struct tollgate_gate *gate;
	uint64_t entries;
	uint64_t bytes;
	char checksum[40];
	switch_bool_t mapped;
};

/* What tells one version of a file from the next. */
typedef struct {
	switch_bool_t is_there;
	struct stat stat;
} identity_t;

static struct {
	switch_memory_pool_t *pool;
	tg_service_t *current;			/* atomic: read by calls; written under `reloading` and `counting` */
	unsigned side;					/* atomic: where calls count themselves in */
	unsigned readers[2];			/* atomic */
	switch_mutex_t *reloading;
	identity_t seen;				/* under `reloading`: the file as it was before it was last read */
	switch_bool_t stopped;			/* under `reloading`: no index is opened any more */

	/* Held for a moment, never while a file is read. Taken behind `reloading`. */
	switch_mutex_t *counting;
	struct tg_gate *previous;		/* for a rollback */
	struct tg_gate *leaving;		/* neither in force nor before it any more; calls may still be inside */
	tg_counts_t retired;			/* swaps and refusals, and the counts of gates that were closed */
	tg_list_counts_t *retired_lists;
	size_t retired_lists_count;

	switch_thread_t *watcher;
	switch_mutex_t *watcher_mutex;
	switch_thread_cond_t *watcher_wake;
	switch_bool_t watcher_woken;
	switch_bool_t watcher_stop;
} globals;

/* What a call or command finds that comes in when the module is being unloaded. FreeSWITCH looks an interface up and
 * takes its lock afterwards, so that one may come when all locks were found free. */
static tg_service_t gone;
static const char unloaded[] = "mod_tollgate is being unloaded: load it again";

/* --- for calls --- */

/* For those who have counted themselves in. What it gives may be another one than it gave them before, and is theirs
 * as well until they count themselves out. */
static const tg_service_t *in_force(void)
{
	const tg_service_t *service = __atomic_load_n(&globals.current, __ATOMIC_SEQ_CST);

	return service ? service : &gone;
}

const tg_service_t *tg_service_take(unsigned *hold)
{
	*hold = __atomic_load_n(&globals.side, __ATOMIC_SEQ_CST);
	__atomic_add_fetch(&globals.readers[*hold], 1, __ATOMIC_SEQ_CST);
	return in_force();
}

void tg_service_give(unsigned hold)
{
	__atomic_sub_fetch(&globals.readers[hold], 1, __ATOMIC_SEQ_CST);
}

/* Waits until nobody can have what was `current` when this was called. Under `reloading`. */
static void wait_for_readers(void)
{
	unsigned other = 1 - __atomic_load_n(&globals.side, __ATOMIC_SEQ_CST);

	while (__atomic_load_n(&globals.readers[other], __ATOMIC_SEQ_CST)) {
		switch_yield(100);
	}
	__atomic_store_n(&globals.side, other, __ATOMIC_SEQ_CST);
	while (__atomic_load_n(&globals.readers[1 - other], __ATOMIC_SEQ_CST)) {
		switch_yield(100);
	}
}

/* --- telling --- */

const char *tg_reload_text(tg_reload_result_t result)
{
	switch (result) {
	case TG_RELOAD_SWAPPED:
		return "swapped";
	case TG_RELOAD_UNCHANGED:
		return "unchanged";
	case TG_RELOAD_ROLLED_BACK:
		return "rolled-back";
	case TG_RELOAD_REFUSED:
		break;
	}
	return "refused";
}

static void tell(const tg_reload_t *reload)
{
	if (reload->result == TG_RELOAD_REFUSED) {
		switch_log_printf(SWITCH_CHANNEL_LOG, SWITCH_LOG_ERROR, "%s refused: %s\n", reload->trigger, reload->message);
	} else {
		switch_log_printf(SWITCH_CHANNEL_LOG, SWITCH_LOG_NOTICE,
						  "%s: %s %s, %" SWITCH_UINT64_T_FMT " entries, before %" SWITCH_UINT64_T_FMT "\n", reload->trigger,
						  reload->index, tg_reload_text(reload->result), reload->entries, reload->entries_before);
	}
	tg_event_reload(reload);
}

static void begin(tg_reload_t *reload, const char *trigger, const char *index)
{
	memset(reload, 0, sizeof(*reload));
	reload->result = TG_RELOAD_REFUSED;
	reload->trigger = trigger;
	switch_copy_string(reload->index, index, sizeof(reload->index));
}

static switch_bool_t refuse(tg_reload_t *reload, int32_t status, const char *message)
{
	reload->result = TG_RELOAD_REFUSED;
	reload->status = status;
	reload->entries = reload->entries_before = reload->generation = 0;
	switch_copy_string(reload->message, message, sizeof(reload->message));
	return SWITCH_FALSE;
}

/* --- services and gates --- */

static tg_service_t *new_service(void)
{
	switch_memory_pool_t *pool = NULL;
	tg_service_t *service;

	if (switch_core_new_memory_pool(&pool) != SWITCH_STATUS_SUCCESS) {
		return NULL;
	}
	service = switch_core_alloc(pool, sizeof(*service));
	service->pool = pool;
	return service;
}

static void destroy_service(tg_service_t *service)
{
	switch_memory_pool_t *pool;

	if (service) {
		pool = service->pool;
		switch_core_destroy_memory_pool(&pool);
	}
}

static void close_gate(struct tg_gate *opened)
{
	if (opened) {
		tollgate_close(opened->gate);
		free(opened);
	}
}

/* An index without the profile that calls are asked with would leave every call to on-error. */
static switch_bool_t profile_missing(const struct tg_gate *opened, const tg_settings_t *settings, tg_reload_t *reload)
{
	struct tollgate_query query = TOLLGATE_QUERY_INIT;
	tollgate_status status;
	char message[TG_MESSAGE];

	query.profile = settings->default_profile;
	if ((status = tollgate_check_query(opened->gate, &query)) == TOLLGATE_OK) {
		return SWITCH_FALSE;
	}
	switch_snprintf(message, sizeof(message), "%s: default-profile: %s", reload->index, tollgate_last_error());
	refuse(reload, status, message);
	return SWITCH_TRUE;
}

/* A guard against cut lists. */
static switch_bool_t lost_too_much(const struct tg_gate *before, const struct tg_gate *after, uint32_t limit,
								   tg_reload_t *reload)
{
	char message[TG_MESSAGE];

	if (!limit) {
		limit = 50;
	} else if (limit == TOLLGATE_NO_LOSS) {
		limit = 0;
	}
	if (after->entries >= before->entries ||
		(double) (before->entries - after->entries) * 100 <= (double) before->entries * limit) {
		return SWITCH_FALSE;
	}
	switch_snprintf(message, sizeof(message),
					"%s has %" SWITCH_UINT64_T_FMT " entries, the current index %" SWITCH_UINT64_T_FMT
					": more than %u %% would be lost; look for a cut list, or run tollgate reload max-loss=100",
					reload->index, after->entries, before->entries, (unsigned) limit);
	refuse(reload, TOLLGATE_INDEX_SHRUNKEN, message);
	return SWITCH_TRUE;
}

static switch_bool_t is_same(const struct tg_gate *a, const struct tg_gate *b)
{
	return a->bytes == b->bytes && *a->checksum && !strcmp(a->checksum, b->checksum);
}

/* Opens what the settings say, aside. NULL: `reload` says why. */
static struct tg_gate *open_gate(const tg_settings_t *settings, tg_reload_t *reload)
{
	struct tollgate_options options = TOLLGATE_OPTIONS_INIT;
	struct tollgate_info info;
	struct tg_gate *opened = calloc(1, sizeof(*opened));
	tollgate_status status;

	if (!opened) {
		refuse(reload, TOLLGATE_NO_MEMORY, tollgate_status_text(TOLLGATE_NO_MEMORY));
		return NULL;
	}
	options.mapped = settings->mapped ? 1 : 0;
	if ((status = tollgate_open(settings->index, &options, &opened->gate)) != TOLLGATE_OK ||
		(status = tollgate_get_info(opened->gate, &info)) != TOLLGATE_OK) {
		refuse(reload, status, tollgate_last_error());
		close_gate(opened);
		return NULL;
	}
	opened->entries = info.entries;
	opened->bytes = info.bytes;
	opened->mapped = settings->mapped;
	switch_copy_string(opened->checksum, info.checksum, sizeof(opened->checksum));
	if (profile_missing(opened, settings, reload)) {
		close_gate(opened);
		return NULL;
	}
	return opened;
}

/* --- counts --- */

/* Lists mostly stay where they were: `hint` is looked at first. */
static tg_list_counts_t *find_list(tg_list_counts_t *lists, size_t count, size_t hint, const char *name)
{
	size_t i;

	if (hint < count && !strcmp(lists[hint].name, name)) {
		return &lists[hint];
	}
	for (i = 0; i < count; i++) {
		if (!strcmp(lists[i].name, name)) {
			return &lists[i];
		}
	}
	return NULL;
}

/* A gate's lists, to be freed: no reload can come between, since its index stays. */
static struct tollgate_list *gate_lists(const struct tg_gate *opened, size_t *count)
{
	struct tollgate_list *lists = NULL;
	size_t capacity = 0;

	*count = 0;
	if (opened && tollgate_get_lists(opened->gate, NULL, 0, &capacity) == TOLLGATE_OK && capacity &&
		(lists = calloc(capacity, sizeof(*lists))) &&
		tollgate_get_lists(opened->gate, lists, capacity, count) != TOLLGATE_OK) {
		*count = 0;
		free(lists);
		lists = NULL;
	}
	return lists;
}

static switch_bool_t has_list(const struct tollgate_list *lists, size_t count, size_t hint, const char *name)
{
	size_t i;

	if (hint < count && !strcmp(lists[hint].name, name)) {
		return SWITCH_TRUE;
	}
	for (i = 0; i < count; i++) {
		if (!strcmp(lists[i].name, name)) {
			return SWITCH_TRUE;
		}
	}
	return SWITCH_FALSE;
}

static void add_counts(tg_counts_t *sum, const struct tg_gate *opened)
{
	struct tollgate_stats stats;
	int32_t reason;

	if (!opened || tollgate_get_stats(opened->gate, &stats) != TOLLGATE_OK) {
		return;
	}
	for (reason = 0; reason < TOLLGATE_REASONS; reason++) {
		sum->allowed[reason] += stats.allowed[reason];
		sum->blocked[reason] += stats.blocked[reason];
	}
	sum->allowed_total += stats.allowed_total;
	sum->blocked_total += stats.blocked_total;
	sum->would_block += stats.would_block;
}

/* Adds a gate's lists to the retired ones, and forgets those that neither index of the moment has. Without memory
 * the counts of lists begin anew, and nothing else happens. */
static void retire_lists(const struct tg_gate *opened)
{
	size_t count, current_count, previous_count, kept, i;
	struct tollgate_list *lists = gate_lists(opened, &count);
	struct tollgate_list *current = gate_lists(globals.current->opened, &current_count);
	struct tollgate_list *previous = gate_lists(globals.previous, &previous_count);
	tg_list_counts_t *grown;

	grown = realloc(globals.retired_lists, (globals.retired_lists_count + count + 1) * sizeof(*grown));
	if (grown) {
		globals.retired_lists = grown;
		for (i = 0; i < count; i++) {
			tg_list_counts_t *into = find_list(grown, globals.retired_lists_count, i, lists[i].name);

			if (!into) {
				into = &grown[globals.retired_lists_count++];
				memset(into, 0, sizeof(*into));
				switch_copy_string(into->name, lists[i].name, sizeof(into->name));
			}
			into->decided += lists[i].decided;
			into->would_block += lists[i].would_block;
		}
		for (kept = i = 0; i < globals.retired_lists_count; i++) {
			if (has_list(current, current_count, i, grown[i].name) || has_list(previous, previous_count, i, grown[i].name)) {
				grown[kept++] = grown[i];
			}
		}
		globals.retired_lists_count = kept;
	}
	free(lists);
	free(current);
	free(previous);
}

/* Who asks for counts is counted as a call is: found by the tests, a tollgate status that came in behind the stop asked
 * a service that was gone by then, and FreeSWITCH ended. Now the module waits for it. */
void tg_service_counts(tg_counts_t *counts)
{
	unsigned hold;

	tg_service_take(&hold);
	switch_mutex_lock(globals.counting);
	*counts = globals.retired;
	add_counts(counts, in_force()->opened);
	add_counts(counts, globals.previous);
	add_counts(counts, globals.leaving);
	switch_mutex_unlock(globals.counting);
	tg_service_give(hold);
}

struct tollgate_list *tg_service_lists(size_t *count)
{
	const struct tg_gate *others[2];
	struct tollgate_list *lists;
	size_t other, i;
	unsigned hold;

	tg_service_take(&hold);
	switch_mutex_lock(globals.counting);
	lists = gate_lists(in_force()->opened, count);
	for (i = 0; i < *count; i++) {
		const tg_list_counts_t *retired = find_list(globals.retired_lists, globals.retired_lists_count, i, lists[i].name);

		if (retired) {
			lists[i].decided += retired->decided;
			lists[i].would_block += retired->would_block;
		}
	}
	others[0] = globals.previous;
	others[1] = globals.leaving;
	for (other = 0; other < 2; other++) {
		size_t old_count, old;
		struct tollgate_list *olds = gate_lists(others[other], &old_count);

		for (i = 0; i < *count; i++) {
			old = i < old_count && !strcmp(olds[i].name, lists[i].name) ? i : 0;
			while (old < old_count && strcmp(olds[old].name, lists[i].name)) {
				old++;
			}
			if (old < old_count) {
				lists[i].decided += olds[old].decided;
				lists[i].would_block += olds[old].would_block;
			}
		}
		free(olds);
	}
	switch_mutex_unlock(globals.counting);
	tg_service_give(hold);
	return lists;
}

/* --- the exchange --- */

/* `after` takes the place of what is in force; `previous` will be there for a rollback, and `leaving` is closed. */
static void put_in_force(tg_service_t *after, struct tg_gate *previous, struct tg_gate *leaving)
{
	tg_service_t *before = globals.current;

	after->gate = after->opened ? after->opened->gate : NULL;
	switch_mutex_lock(globals.counting);
	globals.previous = previous;
	globals.leaving = leaving;
	__atomic_store_n(&globals.current, after, __ATOMIC_SEQ_CST);
	switch_mutex_unlock(globals.counting);
	wait_for_readers();
	destroy_service(before);
	if (leaving) {
		/* Its counts are final now. */
		switch_mutex_lock(globals.counting);
		add_counts(&globals.retired, leaving);
		retire_lists(leaving);
		globals.leaving = NULL;
		switch_mutex_unlock(globals.counting);
		close_gate(leaving);
	}
}

/* What came of it, for tollgate status and the event. */
static void note(tg_reload_t *reload)
{
	switch_mutex_lock(globals.counting);
	if (reload->result == TG_RELOAD_REFUSED) {
		globals.retired.refused++;
		switch_copy_string(globals.retired.last_refused, reload->message, sizeof(globals.retired.last_refused));
	} else {
		if (reload->result != TG_RELOAD_UNCHANGED && strcmp(reload->trigger, "load")) {
			globals.retired.swaps++;
		}
		reload->generation = globals.retired.swaps;
		*globals.retired.last_refused = '\0';
	}
	switch_mutex_unlock(globals.counting);
}

static identity_t identity_of(const char *path)
{
	identity_t identity;

	memset(&identity, 0, sizeof(identity));
	identity.is_there = stat(path, &identity.stat) == 0 ? SWITCH_TRUE : SWITCH_FALSE;
	return identity;
}

static switch_bool_t is_another(const identity_t *now, const identity_t *seen)
{
	const struct stat *a = &now->stat, *b = &seen->stat;

	/* A file that is gone is waited for. */
	return now->is_there && (!seen->is_there || a->st_ino != b->st_ino || a->st_dev != b->st_dev || a->st_size != b->st_size ||
		a->st_mtim.tv_sec != b->st_mtim.tv_sec || a->st_mtim.tv_nsec != b->st_mtim.tv_nsec ||
		a->st_ctim.tv_sec != b->st_ctim.tv_sec || a->st_ctim.tv_nsec != b->st_ctim.tv_nsec);
}

/* Where no index is in force there is none to keep: right settings hold, whatever is wrong with the file. */
static void put_without_index(tg_service_t *after, const char *error)
{
	after->opened = NULL;
	after->error = switch_core_strdup(after->pool, error);
	put_in_force(after, globals.previous, NULL);
}

/* With `after`'s settings, under `reloading`. False: refused. `after` is in force, or was destroyed. */
static switch_bool_t reload_index(tg_service_t *after, uint32_t max_loss_percent, tg_reload_t *reload)
{
	tg_service_t *before = globals.current;
	struct tg_gate *old = before->opened, *opened;
	/* Before it is read: what is renamed into its place meanwhile is another file. */
	identity_t now = identity_of(after->settings.index);
	switch_bool_t same_file = !strcmp(before->settings.index, after->settings.index) ? SWITCH_TRUE : SWITCH_FALSE;
	uint32_t limit = max_loss_percent ? max_loss_percent : after->settings.max_loss_percent;

	opened = open_gate(&after->settings, reload);
	if (opened && old && !is_same(old, opened) && lost_too_much(old, opened, limit, reload)) {
		close_gate(opened);
		opened = NULL;
	}
	if (!opened) {
		/* What could not be read now may be readable next time, though the file is the same. */
		if (reload->status == TOLLGATE_IO) {
			now.is_there = SWITCH_FALSE;
		}
		if (!old) {
			globals.seen = now;
			put_without_index(after, reload->message);
		} else {
			if (same_file) {
				globals.seen = now;
			}
			destroy_service(after);
		}
		return SWITCH_FALSE;
	}
	globals.seen = now;
	reload->entries = opened->entries;
	reload->entries_before = old ? old->entries : 0;
	if (!old) {
		reload->result = TG_RELOAD_SWAPPED;
		after->opened = opened;
		put_in_force(after, globals.previous, NULL);
	} else if (is_same(old, opened)) {
		/* Byte for byte: the way back stays, too. */
		reload->result = TG_RELOAD_UNCHANGED;
		if (old->mapped == opened->mapped) {
			close_gate(opened);
			after->opened = old;
			put_in_force(after, globals.previous, NULL);
		} else {
			after->opened = opened;
			put_in_force(after, globals.previous, old);
		}
	} else {
		reload->result = TG_RELOAD_SWAPPED;
		after->opened = opened;
		put_in_force(after, old, globals.previous);
	}
	return SWITCH_TRUE;
}

static void wake_watcher(void)
{
	switch_mutex_lock(globals.watcher_mutex);
	globals.watcher_woken = SWITCH_TRUE;
	switch_thread_cond_signal(globals.watcher_wake);
	switch_mutex_unlock(globals.watcher_mutex);
}

switch_bool_t tg_service_reload(uint32_t max_loss_percent, tg_reload_t *reload)
{
	switch_bool_t done = SWITCH_FALSE;
	tg_service_t *after;
	char message[TG_MESSAGE];

	switch_mutex_lock(globals.reloading);
	/* Behind the stop there may be no service any more. */
	begin(reload, "command", globals.stopped ? "" : globals.current->settings.index);
	if (globals.stopped) {
		refuse(reload, TOLLGATE_FAILED, unloaded);
	} else if (!(after = new_service())) {
		refuse(reload, TOLLGATE_NO_MEMORY, tollgate_status_text(TOLLGATE_NO_MEMORY));
	} else if (tg_settings_read(&after->settings, after->pool, message, sizeof(message)) == SWITCH_STATUS_SUCCESS) {
		done = reload_index(after, max_loss_percent, reload);
	} else {
		refuse(reload, TOLLGATE_INVALID_ARGUMENT, message);
		if (globals.current->opened) {
			destroy_service(after);
		} else {
			tg_settings_copy(&after->settings, &globals.current->settings, after->pool);
			put_without_index(after, message);
		}
	}
	note(reload);
	switch_mutex_unlock(globals.reloading);
	/* It may have to look at another interval, or for the first time. */
	wake_watcher();
	tell(reload);
	return done;
}

switch_bool_t tg_service_rollback(tg_reload_t *reload)
{
	tg_service_t *before, *after;
	switch_bool_t done = SWITCH_FALSE;

	switch_mutex_lock(globals.reloading);
	before = globals.current;
	begin(reload, "command", globals.stopped ? "" : before->settings.index);
	if (globals.stopped) {
		refuse(reload, TOLLGATE_FAILED, unloaded);
	} else if (!before->opened) {
		refuse(reload, TOLLGATE_NO_PREVIOUS_INDEX, before->error);
	} else if (!globals.previous) {
		refuse(reload, TOLLGATE_NO_PREVIOUS_INDEX, "there is no index to go back to: none has taken another's place yet");
	} else if (profile_missing(globals.previous, &before->settings, reload)) {
		/* It is of a time when another profile was the default. */
	} else if (!(after = new_service())) {
		refuse(reload, TOLLGATE_NO_MEMORY, tollgate_status_text(TOLLGATE_NO_MEMORY));
	} else {
		tg_settings_copy(&after->settings, &before->settings, after->pool);
		after->opened = globals.previous;
		reload->result = TG_RELOAD_ROLLED_BACK;
		reload->entries = after->opened->entries;
		reload->entries_before = before->opened->entries;
		put_in_force(after, before->opened, NULL);
		note(reload);
		done = SWITCH_TRUE;
	}
	switch_mutex_unlock(globals.reloading);
	tell(reload);
	return done;
}

/* --- watching --- */

static void reload_watched(void)
{
	tg_reload_t reload;
	tg_service_t *after;
	identity_t now;
	switch_bool_t is_news;

	switch_mutex_lock(globals.reloading);
	now = identity_of(globals.current->settings.index);
	/* Again, under the lock: a command may just have read it, or have ended the watching. */
	if (!globals.current->settings.watch_ms || !is_another(&now, &globals.seen) || !(after = new_service())) {
		switch_mutex_unlock(globals.reloading);
		return;
	}
	begin(&reload, "watch", globals.current->settings.index);
	tg_settings_copy(&after->settings, &globals.current->settings, after->pool);
	reload_index(after, 0, &reload);
	/* A file that cannot be read is tried at every look, and told of once. */
	is_news = reload.result == TG_RELOAD_REFUSED ? (reload.status != TOLLGATE_IO ||
		strcmp(globals.retired.last_refused, reload.message) ? SWITCH_TRUE : SWITCH_FALSE) :
		reload.result != TG_RELOAD_UNCHANGED ? SWITCH_TRUE : SWITCH_FALSE;
	if (is_news || reload.result != TG_RELOAD_REFUSED) {
		note(&reload);
	}
	switch_mutex_unlock(globals.reloading);
	if (is_news) {
		tell(&reload);
	}
}

static void *SWITCH_THREAD_FUNC watch(switch_thread_t *thread, void *arg)
{
	(void) thread;
	(void) arg;
	switch_mutex_lock(globals.watcher_mutex);
	while (!globals.watcher_stop) {
		unsigned hold;
		uint32_t interval = tg_service_take(&hold)->settings.watch_ms;

		tg_service_give(hold);
		if (globals.watcher_woken) {
			globals.watcher_woken = SWITCH_FALSE;
		} else if (!interval) {
			switch_thread_cond_wait(globals.watcher_wake, globals.watcher_mutex);
		} else {
			switch_thread_cond_timedwait(globals.watcher_wake, globals.watcher_mutex, (switch_interval_time_t) interval * 1000);
			if (!globals.watcher_stop) {
				switch_mutex_unlock(globals.watcher_mutex);
				reload_watched();
				switch_mutex_lock(globals.watcher_mutex);
			}
		}
	}
	switch_mutex_unlock(globals.watcher_mutex);
	return NULL;
}

/* --- load and unload --- */

switch_status_t tg_service_start(switch_memory_pool_t *pool)
{
	const tg_settings_t *settings;
	switch_threadattr_t *attr = NULL;
	char message[TG_MESSAGE];
	tg_service_t *after;
	tg_reload_t reload;

	/* Not zero where the module was loaded before: a thread's last call may have kept it in memory, or somebody who
	 * was inside when it was unloaded by force, and has left since. */
	tg_service_free();
	memset(&globals, 0, sizeof(globals));
	tg_settings_default(&gone.settings);
	gone.error = unloaded;
	tg_errors_reset();
	globals.pool = pool;
	switch_mutex_init(&globals.reloading, SWITCH_MUTEX_UNNESTED, pool);
	switch_mutex_init(&globals.counting, SWITCH_MUTEX_UNNESTED, pool);
	switch_mutex_init(&globals.watcher_mutex, SWITCH_MUTEX_UNNESTED, pool);
	switch_thread_cond_create(&globals.watcher_wake, pool);
	if (!(globals.current = new_service())) {
		return SWITCH_STATUS_MEMERR;
	}
	tg_settings_default(&globals.current->settings);
	globals.current->error = "it was not opened yet";
	if (!(after = new_service())) {
		tg_service_free();
		return SWITCH_STATUS_MEMERR;
	}
	if (tg_settings_read(&after->settings, after->pool, message, sizeof(message)) == SWITCH_STATUS_SUCCESS) {
		begin(&reload, "load", after->settings.index);
		reload_index(after, 0, &reload);
	} else {
		begin(&reload, "load", globals.current->settings.index);
		refuse(&reload, TOLLGATE_INVALID_ARGUMENT, message);
		put_without_index(after, message);
	}
	note(&reload);
	tell(&reload);
	settings = &globals.current->settings;
	if (!globals.current->gate) {
		switch_log_printf(SWITCH_CHANNEL_LOG, SWITCH_LOG_CRIT,
						  "there is no index: outbound calls are %s, but for %s; inbound calls are %s\n",
						  settings->block_on_error[TOLLGATE_OUTBOUND] ? "blocked" : "allowed",
						  *settings->emergency ? settings->emergency : "none",
						  settings->block_on_error[TOLLGATE_INBOUND] ? "blocked" : "allowed");
	}
	switch_threadattr_create(&attr, pool);
	switch_threadattr_stacksize_set(attr, SWITCH_THREAD_STACKSIZE);
	if (switch_thread_create(&globals.watcher, attr, watch, NULL, pool) != SWITCH_STATUS_SUCCESS) {
		globals.watcher = NULL;
		switch_log_printf(SWITCH_CHANNEL_LOG, SWITCH_LOG_CRIT,
						  "nobody can watch %s: there is no thread for it; run tollgate reload when it has changed\n",
						  settings->index);
	}
	return SWITCH_STATUS_SUCCESS;
}

void tg_service_stop(void)
{
	switch_status_t status;
	struct tg_gate *opened, *previous;
	tg_service_t *after;

	switch_mutex_lock(globals.watcher_mutex);
	globals.watcher_stop = SWITCH_TRUE;
	switch_thread_cond_signal(globals.watcher_wake);
	switch_mutex_unlock(globals.watcher_mutex);
	if (globals.watcher) {
		/* No code of the module may run when it is unmapped. */
		switch_thread_join(&status, globals.watcher);
	}
	/* A command may be reading an index, and calls may be inside, also now: see mod_tollgate.c. They find a service
	 * without an index, and what they have is theirs until they have given it back. */
	switch_mutex_lock(globals.reloading);
	globals.stopped = SWITCH_TRUE;
	if ((after = new_service())) {
		opened = globals.current->opened;
		previous = globals.previous;
		tg_settings_copy(&after->settings, &globals.current->settings, after->pool);
		after->error = unloaded;
		put_in_force(after, NULL, NULL);
		close_gate(opened);
		close_gate(previous);
	}
	switch_mutex_unlock(globals.reloading);
}

void tg_service_free(void)
{
	tg_service_t *last = globals.current;
	struct tg_gate *previous = globals.previous;

	if (last) {
		/* A call or command that came in late has this one, or finds it gone. */
		globals.previous = NULL;
		__atomic_store_n(&globals.current, NULL, __ATOMIC_SEQ_CST);
		wait_for_readers();
		close_gate(last->opened);
		close_gate(previous);
		destroy_service(last);
		free(globals.retired_lists);
		globals.retired_lists = NULL;
		globals.retired_lists_count = 0;
	}
}
