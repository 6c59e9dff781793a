/*
 * service.c: the settings and the index in force, and their exchange.
 *
 * Calls read `current` under a lock that is held exclusively only while one pointer is exchanged: files
 * are read, opened, checked and closed outside of it. Whoever reloads holds `reloading`, so that
 * of two reloads the later one wins and a gate that is being reloaded is not closed. Observers, which run
 * on the library's watching thread too, take neither: tollgate_close waits for that thread.
 *
 * Licensed under MIT or Apache-2.0, at your option.
 */

#include "mod_tollgate.h"
#include <sys/stat.h>

/* A gate and all that it was opened with: as long as these are the same it stays, and keeps its counts. */
struct tg_gate {
	struct tollgate_gate *gate;
	switch_memory_pool_t *pool;
	const char *index;
	const char *default_profile;
	uint32_t max_loss_percent;
	switch_bool_t mapped;
};

static struct {
	switch_memory_pool_t *pool;
	switch_thread_rwlock_t *lock;
	tg_service_t *current;
	switch_mutex_t *reloading;

	/* Waits for an index that was not there at load: libtollgate watches only what it could open. */
	switch_thread_t *waiter;
	switch_mutex_t *waiter_mutex;
	switch_thread_cond_t *waiter_wake;
	switch_bool_t waiter_stop;
} globals;

/* Set while this thread reloads by command: then the command tells of it, and not the observers. */
static __thread int commanded;

const tg_service_t *tg_service_take(void)
{
	switch_thread_rwlock_rdlock(globals.lock);
	return globals.current;
}

void tg_service_give(const tg_service_t *service)
{
	(void) service;
	switch_thread_rwlock_unlock(globals.lock);
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
						  reload->index, tg_reload_text(reload->result), reload->swap.entries, reload->swap.entries_before);
	}
	tg_event_reload(reload);
}

static void begin(tg_reload_t *reload, const char *trigger)
{
	memset(reload, 0, sizeof(*reload));
	reload->trigger = trigger;
	reload->index = "";
}

static switch_bool_t refuse(tg_reload_t *reload, int32_t status, const char *message)
{
	reload->result = TG_RELOAD_REFUSED;
	reload->status = status;
	memset(&reload->swap, 0, sizeof(reload->swap));
	switch_copy_string(reload->message, message, sizeof(reload->message));
	return SWITCH_FALSE;
}

/* --- what an index must have --- */

/* An index without the profile that calls are asked with would leave every call to on-error. */
static switch_bool_t profile_missing(const struct tg_gate *opened, tg_reload_t *reload)
{
	struct tollgate_query query = TOLLGATE_QUERY_INIT;
	tollgate_status status;
	char message[TG_MESSAGE];

	query.profile = opened->default_profile;
	if ((status = tollgate_check_query(opened->gate, &query)) == TOLLGATE_OK) {
		return SWITCH_FALSE;
	}
	switch_snprintf(message, sizeof(message), "%s: default-profile: %s", opened->index, tollgate_last_error());
	refuse(reload, status, message);
	return SWITCH_TRUE;
}

/* The library's guard against cut lists, for an index that was opened aside. */
static switch_bool_t lost_too_much(const struct tg_gate *before, const struct tg_gate *after, uint32_t limit,
								   tg_reload_t *reload)
{
	struct tollgate_info old_info, new_info;
	char message[TG_MESSAGE];

	if (tollgate_get_info(before->gate, &old_info) != TOLLGATE_OK ||
		tollgate_get_info(after->gate, &new_info) != TOLLGATE_OK) {
		refuse(reload, TOLLGATE_FAILED, tollgate_last_error());
		return SWITCH_TRUE;
	}
	reload->swap.entries_before = old_info.entries;
	if (!limit) {
		limit = 50;
	} else if (limit == TOLLGATE_NO_LOSS) {
		limit = 0;
	}
	if (new_info.entries >= old_info.entries ||
		(double) (old_info.entries - new_info.entries) * 100 <= (double) old_info.entries * limit) {
		return SWITCH_FALSE;
	}
	switch_snprintf(message, sizeof(message),
					"%s has %" SWITCH_UINT64_T_FMT " entries, the current index %" SWITCH_UINT64_T_FMT
					": more than %u %% would be lost; look for a cut list, or run tollgate reload max-loss=100",
					after->index, new_info.entries, old_info.entries, (unsigned) limit);
	refuse(reload, TOLLGATE_INDEX_SHRUNKEN, message);
	return SWITCH_TRUE;
}

/* --- observers: told also of what the library's watching thread does --- */

static void observe_swapped(void *user_data, const struct tollgate_swap *swap)
{
	const struct tg_gate *opened = user_data;
	tg_reload_t reload;

	if (commanded) {
		return;
	}
	begin(&reload, "watch");
	reload.index = opened->index;
	reload.swap = *swap;
	reload.result = TG_RELOAD_SWAPPED;
	if (profile_missing(opened, &reload)) {
		/* It was in force for a moment. The file is not tried again until it is replaced. */
		commanded = 1;
		if (tollgate_rollback(opened->gate, NULL) != TOLLGATE_OK) {
			switch_log_printf(SWITCH_CHANNEL_LOG, SWITCH_LOG_CRIT, "cannot go back to the index before: %s\n",
							  tollgate_last_error());
		}
		commanded = 0;
	}
	tell(&reload);
}

static void observe_refused(void *user_data, int32_t status, const char *message)
{
	const struct tg_gate *opened = user_data;
	tg_reload_t reload;

	if (commanded) {
		return;
	}
	begin(&reload, "watch");
	reload.index = opened->index;
	refuse(&reload, status, message);
	tell(&reload);
}

/* --- opening and closing --- */

static void close_gate(struct tg_gate *opened)
{
	switch_memory_pool_t *pool;

	if (!opened) {
		return;
	}
	tollgate_close(opened->gate);
	pool = opened->pool;
	switch_core_destroy_memory_pool(&pool);
}

/* Opens what the settings say; nobody watches it yet. NULL: `reload` says why. */
static struct tg_gate *open_gate(const tg_settings_t *settings, tg_reload_t *reload)
{
	struct tollgate_observer observer = TOLLGATE_OBSERVER_INIT;
	struct tollgate_options options = TOLLGATE_OPTIONS_INIT;
	switch_memory_pool_t *pool = NULL;
	struct tg_gate *opened;
	struct tollgate_info info;
	tollgate_status status;

	reload->index = settings->index;
	if (switch_core_new_memory_pool(&pool) != SWITCH_STATUS_SUCCESS) {
		refuse(reload, TOLLGATE_NO_MEMORY, tollgate_status_text(TOLLGATE_NO_MEMORY));
		return NULL;
	}
	opened = switch_core_alloc(pool, sizeof(*opened));
	opened->pool = pool;
	opened->index = switch_core_strdup(pool, settings->index);
	opened->default_profile = settings->default_profile ? switch_core_strdup(pool, settings->default_profile) : NULL;
	opened->max_loss_percent = settings->max_loss_percent;
	opened->mapped = settings->mapped;

	observer.user_data = opened;
	observer.swapped = observe_swapped;
	observer.refused = observe_refused;
	options.observer = &observer;
	options.max_loss_percent = settings->max_loss_percent;
	options.mapped = settings->mapped ? 1 : 0;
	if ((status = tollgate_open(opened->index, &options, &opened->gate)) != TOLLGATE_OK) {
		refuse(reload, status, tollgate_last_error());
		switch_core_destroy_memory_pool(&pool);
		return NULL;
	}
	if (profile_missing(opened, reload)) {
		close_gate(opened);
		return NULL;
	}
	memset(&reload->swap, 0, sizeof(reload->swap));
	reload->result = TG_RELOAD_SWAPPED;
	reload->swap.changed = 1;
	if (tollgate_get_info(opened->gate, &info) == TOLLGATE_OK) {
		reload->swap.entries = info.entries;
	}
	return opened;
}

static switch_bool_t same(const char *a, const char *b)
{
	return a && b ? !strcmp(a, b) : a == b;
}

static switch_bool_t opened_as(const struct tg_gate *opened, const tg_settings_t *settings)
{
	return same(opened->index, settings->index) && same(opened->default_profile, settings->default_profile) &&
		opened->max_loss_percent == settings->max_loss_percent && opened->mapped == settings->mapped;
}

static void set_watch(const tg_service_t *service)
{
	if (!service->settings.watch_ms) {
		tollgate_unwatch(service->gate);
	} else if (tollgate_watch(service->gate, service->settings.watch_ms) != TOLLGATE_OK) {
		switch_log_printf(SWITCH_CHANNEL_LOG, SWITCH_LOG_ERROR, "nobody watches %s: %s\n", service->settings.index,
						  tollgate_last_error());
	}
}

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

/* Why there still is no index. */
static void set_error(const char *message)
{
	const char *error = switch_core_strdup(globals.current->pool, message);

	switch_thread_rwlock_wrlock(globals.lock);
	globals.current->error = error;
	switch_thread_rwlock_unlock(globals.lock);
}

static void put_gate(tg_service_t *service, struct tg_gate *opened)
{
	service->opened = opened;
	service->gate = opened->gate;
	service->error = NULL;
}

/* --- reloading --- */

/* The gate stays and its file is read anew; undone where the profile is gone. */
static switch_bool_t reload_gate(struct tg_gate *opened, uint32_t max_loss_percent, tg_reload_t *reload)
{
	tollgate_status status;
	uint32_t changed;

	reload->index = opened->index;
	status = max_loss_percent ? tollgate_reload_within(opened->gate, max_loss_percent, &reload->swap) :
		tollgate_reload(opened->gate, &reload->swap);
	if (status != TOLLGATE_OK) {
		return refuse(reload, status, tollgate_last_error());
	}
	changed = reload->swap.changed;
	reload->result = changed ? TG_RELOAD_SWAPPED : TG_RELOAD_UNCHANGED;
	if (profile_missing(opened, reload)) {
		if (changed && tollgate_rollback(opened->gate, NULL) != TOLLGATE_OK) {
			switch_log_printf(SWITCH_CHANNEL_LOG, SWITCH_LOG_CRIT, "cannot go back to the index before: %s\n",
							  tollgate_last_error());
		}
		return SWITCH_FALSE;
	}
	return SWITCH_TRUE;
}

/* Under `reloading`: `*replaced` is what is no longer in force. */
static switch_bool_t reload_locked(uint32_t max_loss_percent, tg_reload_t *reload, tg_service_t **replaced)
{
	tg_service_t *before = globals.current;
	tg_service_t *after = new_service();
	struct tg_gate *opened;
	char message[TG_MESSAGE];

	if (!after) {
		return refuse(reload, TOLLGATE_NO_MEMORY, tollgate_status_text(TOLLGATE_NO_MEMORY));
	}
	*replaced = after;
	if (tg_settings_read(&after->settings, after->pool, message, sizeof(message)) != SWITCH_STATUS_SUCCESS) {
		reload->index = before->settings.index;
		return refuse(reload, TOLLGATE_INVALID_ARGUMENT, message);
	}
	if (before->opened && opened_as(before->opened, &after->settings)) {
		opened = before->opened;
		if (!reload_gate(opened, max_loss_percent, reload)) {
			return SWITCH_FALSE;
		}
	} else {
		if (!(opened = open_gate(&after->settings, reload))) {
			return SWITCH_FALSE;
		}
		if (before->opened &&
			lost_too_much(before->opened, opened, max_loss_percent ? max_loss_percent : after->settings.max_loss_percent, reload)) {
			close_gate(opened);
			return SWITCH_FALSE;
		}
	}
	put_gate(after, opened);

	switch_thread_rwlock_wrlock(globals.lock);
	globals.current = after;
	switch_thread_rwlock_unlock(globals.lock);

	*replaced = before;
	set_watch(after);
	return SWITCH_TRUE;
}

switch_bool_t tg_service_reload(uint32_t max_loss_percent, tg_reload_t *reload)
{
	tg_service_t *replaced = NULL;
	switch_bool_t done;

	begin(reload, "command");
	switch_mutex_lock(globals.reloading);
	commanded = 1;
	done = reload_locked(max_loss_percent, reload, &replaced);
	/* What is told must not point into what is closed. */
	switch_copy_string(reload->path, reload->index, sizeof(reload->path));
	reload->index = reload->path;
	if (done && replaced->opened != globals.current->opened) {
		close_gate(replaced->opened);
	}
	destroy_service(replaced);
	if (!globals.current->gate) {
		set_error(reload->message);
	}
	commanded = 0;
	switch_mutex_unlock(globals.reloading);
	tell(reload);
	return done;
}

switch_bool_t tg_service_rollback(tg_reload_t *reload)
{
	struct tg_gate *opened;
	tollgate_status status;
	switch_bool_t done = SWITCH_FALSE;

	begin(reload, "command");
	switch_mutex_lock(globals.reloading);
	commanded = 1;
	switch_copy_string(reload->path, globals.current->settings.index, sizeof(reload->path));
	reload->index = reload->path;
	if (!(opened = globals.current->opened)) {
		refuse(reload, TOLLGATE_NO_PREVIOUS_INDEX, globals.current->error);
	} else if ((status = tollgate_rollback(opened->gate, &reload->swap)) != TOLLGATE_OK) {
		refuse(reload, status, tollgate_last_error());
	} else if (profile_missing(opened, reload)) {
		/* The index before was one that was refused for this: forth again. */
		if (tollgate_rollback(opened->gate, NULL) != TOLLGATE_OK) {
			switch_log_printf(SWITCH_CHANNEL_LOG, SWITCH_LOG_CRIT, "%s\n", tollgate_last_error());
		}
	} else {
		reload->result = TG_RELOAD_ROLLED_BACK;
		done = SWITCH_TRUE;
	}
	commanded = 0;
	switch_mutex_unlock(globals.reloading);
	tell(reload);
	return done;
}

/* --- an index that was not there at load --- */

static switch_bool_t open_missing(const char *trigger)
{
	struct tg_gate *opened;
	tg_reload_t reload;

	begin(&reload, trigger);
	switch_mutex_lock(globals.reloading);
	if (globals.current->gate) {
		switch_mutex_unlock(globals.reloading);
		return SWITCH_TRUE;
	}
	opened = open_gate(&globals.current->settings, &reload);
	switch_copy_string(reload.path, reload.index, sizeof(reload.path));
	reload.index = reload.path;
	if (opened) {
		switch_thread_rwlock_wrlock(globals.lock);
		put_gate(globals.current, opened);
		switch_thread_rwlock_unlock(globals.lock);
		set_watch(globals.current);
	} else {
		set_error(reload.message);
	}
	switch_mutex_unlock(globals.reloading);
	tell(&reload);
	return opened ? SWITCH_TRUE : SWITCH_FALSE;
}

/* Tries again whenever another file is in the index's place, until there is a gate, by whomever. */
static void *SWITCH_THREAD_FUNC wait_for_index(switch_thread_t *thread, void *arg)
{
	struct stat seen, now;
	switch_bool_t has_index = SWITCH_FALSE;

	(void) thread;
	(void) arg;
	memset(&seen, 0, sizeof(seen));
	switch_mutex_lock(globals.waiter_mutex);
	while (!globals.waiter_stop && !has_index) {
		const tg_service_t *service;
		switch_bool_t another = SWITCH_FALSE;
		uint32_t interval;

		service = tg_service_take();
		has_index = service->gate ? SWITCH_TRUE : SWITCH_FALSE;
		interval = service->settings.watch_ms ? service->settings.watch_ms : 500;
		if (!has_index && stat(service->settings.index, &now) == 0) {
			another = now.st_ino != seen.st_ino || now.st_dev != seen.st_dev || now.st_size != seen.st_size ||
				now.st_mtim.tv_sec != seen.st_mtim.tv_sec || now.st_mtim.tv_nsec != seen.st_mtim.tv_nsec ||
				now.st_ctim.tv_sec != seen.st_ctim.tv_sec || now.st_ctim.tv_nsec != seen.st_ctim.tv_nsec;
			seen = now;
		}
		tg_service_give(service);
		if (another) {
			switch_mutex_unlock(globals.waiter_mutex);
			has_index = open_missing("watch");
			switch_mutex_lock(globals.waiter_mutex);
		}
		if (!globals.waiter_stop && !has_index) {
			switch_thread_cond_timedwait(globals.waiter_wake, globals.waiter_mutex, (switch_interval_time_t) interval * 1000);
		}
	}
	switch_mutex_unlock(globals.waiter_mutex);
	return NULL;
}

static void start_waiter(void)
{
	switch_threadattr_t *attr = NULL;

	switch_threadattr_create(&attr, globals.pool);
	switch_threadattr_stacksize_set(attr, SWITCH_THREAD_STACKSIZE);
	if (switch_thread_create(&globals.waiter, attr, wait_for_index, NULL, globals.pool) != SWITCH_STATUS_SUCCESS) {
		globals.waiter = NULL;
		switch_log_printf(SWITCH_CHANNEL_LOG, SWITCH_LOG_ERROR, "nobody waits for %s: run tollgate reload when it is there\n",
						  globals.current->settings.index);
	}
}

/* --- load and unload --- */

switch_status_t tg_service_start(switch_memory_pool_t *pool)
{
	char message[TG_MESSAGE];
	tg_reload_t reload;

	/* Not zero where the module was loaded before: a thread's last call may have kept it in memory. */
	memset(&globals, 0, sizeof(globals));
	tg_errors_reset();
	globals.pool = pool;
	switch_thread_rwlock_create(&globals.lock, pool);
	switch_mutex_init(&globals.reloading, SWITCH_MUTEX_NESTED, pool);
	switch_mutex_init(&globals.waiter_mutex, SWITCH_MUTEX_UNNESTED, pool);
	switch_thread_cond_create(&globals.waiter_wake, pool);
	if (!(globals.current = new_service())) {
		return SWITCH_STATUS_MEMERR;
	}
	if (tg_settings_read(&globals.current->settings, globals.current->pool, message, sizeof(message)) != SWITCH_STATUS_SUCCESS) {
		begin(&reload, "load");
		reload.index = globals.current->settings.index;
		refuse(&reload, TOLLGATE_INVALID_ARGUMENT, message);
		globals.current->error = switch_core_strdup(globals.current->pool, message);
		tell(&reload);
	} else if (!open_missing("load") && globals.current->settings.watch_ms) {
		start_waiter();
	}
	if (!globals.current->gate) {
		switch_log_printf(SWITCH_CHANNEL_LOG, SWITCH_LOG_CRIT,
						  "there is no index: outbound calls are %s, but for %s; inbound calls are %s\n",
						  globals.current->settings.block_on_error[TOLLGATE_OUTBOUND] ? "blocked" : "allowed",
						  globals.current->settings.emergency,
						  globals.current->settings.block_on_error[TOLLGATE_INBOUND] ? "blocked" : "allowed");
	}
	return SWITCH_STATUS_SUCCESS;
}

void tg_service_stop(void)
{
	switch_status_t status;

	switch_mutex_lock(globals.waiter_mutex);
	globals.waiter_stop = SWITCH_TRUE;
	switch_thread_cond_signal(globals.waiter_wake);
	switch_mutex_unlock(globals.waiter_mutex);
	if (globals.waiter) {
		switch_thread_join(&status, globals.waiter);
	}
	/* Waits for the library's watching thread, so that no code of the module runs when it is unmapped. */
	close_gate(globals.current->opened);
	destroy_service(globals.current);
	globals.current = NULL;
}
