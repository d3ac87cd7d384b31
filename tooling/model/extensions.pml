/*
 * What a check may add to the base: fast reclaim on the same machine, leases that change, version numbers that come back,
 * a prompt system for liveness, reachability. In the base all of these macros say "nothing".
 */

/* --- Properties. A check asks for one or both, so that a mutant is rejected for the reason that it was made for. --- */
#if defined(ONLY_S1)
#define ASSERT_PROPERTIES assert(neverTwoApplicationsAlive)
#elif defined(ONLY_S2)
#define ASSERT_PROPERTIES assert(epochsOfStartsGrow)
#elif defined(STORY_4)
#define ASSERT_PROPERTIES assert(notReached)
#else
#define ASSERT_PROPERTIES assert(neverTwoApplicationsAlive); assert(epochsOfStartsGrow)
#endif

/* --- Writes that cannot be applied any more --- */
/*
 * A run that follows the rules draws nothing from an unanswered write, so one that cannot be applied any more may be
 * forgotten at once: same behaviour, a seventh of the states. REMEMBER_VOID keeps it; mutants that draw conclusions need it.
 */
#if defined(M5) || defined(M5B) || defined(M5C) || defined(M9A) || defined(M9C)
#define REMEMBER_VOID
#endif
#ifdef REMEMBER_VOID
#define VOID_WRITES_ARE_SENT true
#define FORGOTTEN(s, k) (seat[s].w[k].by != TRACKED)
#else
#define VOID_WRITES_ARE_SENT false
#define FORGOTTEN(s, k) true
#endif

/*
 * --- Reachability: a story is a list of events that must be able to happen in this order, other things in between. The
 * check asserts that it never gets to its end, and passes when that is refuted. A story has four events at most and ends
 * with STORY_4; a shorter one begins at STORY_FROM. ---
 */
#define STARTED 1           /* an application starts */
#define ORPHANED_ALIVE 2    /* a lock process dies, its application lives on under the guard */
#define RESUMED 3           /* the guard's new lock process goes on with the same epoch */
#define TOOK_RELEASED 4     /* a takeover of a released record is sent */
#define TOOK_TIMED 5        /* a takeover is sent because the timer is done */
#define TOOK_AT_ONCE 6      /* a takeover is sent before the timer is done: own former run, or fast reclaim */
#define APPLIED_LATE 7      /* a write is applied after its run has ended */
#define DELETED 8           /* the record is deleted */
#define CONFIRMED_RENEWAL 9 /* a run learns that a renewal was applied */
#define DEADLINE_KILL 10    /* the guard ends an application */
#define LENGTHENED 11       /* a longer lease is confirmed after a shorter one had been announced */
#define APPLIED_FOREIGN 12  /* a write is applied to another incarnation of the record than its sender saw */
#ifdef STORY_4
#define EVENT(e) \
  if \
  :: told == 0 && (e) == STORY_1 -> told = 1 \
  :: told == 1 && (e) == STORY_2 -> told = 2 \
  :: told == 2 && (e) == STORY_3 -> told = 3 \
  :: told == 3 && (e) == STORY_4 -> notReached = false \
  :: else \
  fi
#else
#define EVENT(e) skip
#endif

/* --- Fast reclaim: a lock file per machine. --- */
#ifdef RECLAIM
#ifdef APART
#define MACHINE(s) s
#else
#define MACHINE(s) (s == 2 -> 1 : 0) /* seats 0 and 1 are on one machine, seat 2 on another */
#endif
#define LOCK_IS_FREE(s) (lock[MACHINE(s)] == 0)
#define HOLDS_LOCK(s) (lock[MACHINE(s)] == s + 1)
#ifdef F1
#define PROVED(s) tested[s] /* tested, and let go */
#else
#define PROVED(s) HOLDS_LOCK(s)
#endif
#ifdef F3
#define SAME_MACHINE(s) true
#else
#define SAME_MACHINE(s) (MACHINE(owner) == MACHINE(s))
#endif
#define MAY_RECLAIM(s) (owner != NOBODY && PROVED(s) && SAME_MACHINE(s))
#if defined(APP_LOCK) || defined(F1)
#define LOCK_ALLOWS_START(s) ((LOCK_IS_FREE(s) || HOLDS_LOCK(s)) && VOLUME_ALLOWS(s))
#define LOCK_AT_START(s) lock[MACHINE(s)] = s + 1
#else
#define LOCK_ALLOWS_START(s) true
#define LOCK_AT_START(s) skip
#endif
#ifdef VOLUME_EPOCH
#define VOLUME_ALLOWS(s) (seat[s].epoch >= lastEpoch) /* epoch.json of the volume is not above mine */
#else
#define VOLUME_ALLOWS(s) true
#endif
#ifdef APP_LOCK
#define LOCK_ALLOWS_ATTEMPT(s) true
#else
#define LOCK_ALLOWS_ATTEMPT(s) PROVED(s)
#endif
#ifdef F2
#define LOCK_WITHOUT_LOCK_PROCESS(s) unlock(s)
#else
#define LOCK_WITHOUT_LOCK_PROCESS(s) skip
#endif
#else
#define LOCK_ALLOWS_START(s) true
#define LOCK_ALLOWS_ATTEMPT(s) true
#define LOCK_AT_START(s) skip
#define LOCK_WITHOUT_LOCK_PROCESS(s) skip
#endif

/* --- Lease lengths that change during a run: any write may say another length than the one before. --- */
#ifdef LEASE_CHANGES
#define LEASE_SHORT LEASE_1
#define LEASE_LONG LEASE_0
#define NO_CAP 255
#define LEASE_OF_WRITE(s, k) seat[s].w[k].lease
#define LEASE_CAP(s) (LEASE_LONG - MARGIN)
#else
#define LEASE_OF_WRITE(s, k) LEASE(s)
#define LEASE_CAP(s) (LEASE(s) - MARGIN)
#endif

/*
 * --- Version numbers that come back, as ZooKeeper's do when a node is deleted and created again (there: an incarnation,
 * known by its czxid). A write is applied if the number fits. CHECK_STAT: rule 3 as it stands, the Stat of a read and of
 * an answer tells the incarnation. CHECK_RECORD: besides, every write says in the record which incarnation its sender saw. A
 * record that names another incarnation than its own was hit by a late write: it grants and releases nothing, whoever
 * finds it waits the largest lease and takes over with an epoch above the history. ---
 */
#ifdef NUMBERED
#ifndef VERSIONS
#define VERSIONS 4
#endif
#define LEARN_CURRENT_VERSION(s) seat[s].known = version; seat[s].incarnation = incarnation
#define EXPECTS_CURRENT(s, k) (record != MISSING && seat[s].w[k].version == version && version < VERSIONS)
#define IS_FOREIGN(s, k) seat[s].w[k].foreign
#define OUTDATED(s, k) (incarnation == 1 && seat[s].w[k].version < version)
#else
#define LEARN_CURRENT_VERSION(s) seat[s].known = CURRENT
#define EXPECTS_CURRENT(s, k) true
#define IS_FOREIGN(s, k) false
#define OUTDATED(s, k) VERSION_CHECKED
#endif
#if defined(CHECK_STAT) || defined(CHECK_RECORD)
#define SAME_INCARNATION(s) (seat[s].incarnation == incarnation)
#define REFUSED_AS_FOREIGN(s, k) seat[s].w[k].foreign
#else
#define SAME_INCARNATION(s) true
#define REFUSED_AS_FOREIGN(s, k) false
#endif
#if !defined(NUMBERED) || defined(CHECK_STAT) || defined(CHECK_RECORD)
#define SUPERSEDED_IS_SEEN
#endif
#ifdef CHECK_RECORD
#define HIT_BY_LATE_WRITE (recordIncarnation != incarnation)
#define NEXT_EPOCH (highest + 1)
#else
#define HIT_BY_LATE_WRITE false
#define NEXT_EPOCH (recordEpoch + 1)
#endif
#ifdef CHECK_RECORD
#define TAKEOVER_COUNTS(s, k) (!REFUSED_AS_FOREIGN(s, k))
#else
#define TAKEOVER_COUNTS(s, k) true
#endif
#define IS_RELEASED (record == RELEASED && !HIT_BY_LATE_WRITE)

/*
 * --- A prompt system without loss, for liveness. A run reads or renews at most once in a tick and at least once in two,
 * a write and its answer take a tick at most, and what a run is allowed to do it does before the clocks go on. ---
 */
#ifdef LIVE
#define FAULTY false
#define MAY_COME_BACK(s) (!(crashed && s == 0))
#define PACE(s) (idle[s] > 0)
#define PACED(s) idle[s] = 0
#define PROMPT_ATTEMPT(s) (seat[s].w[0].at == NONE)
#define TICKED for (i : 0 .. SEATS - 1) { idle[i] = (idle[i] < 2 -> idle[i] + 1 : 2) }
#define SENT_IN_THIS_TICK(s, k) (seat[s].w[k].by == TRACKED && seat[s].w[k].age == 0)
#define CALM_WRITE(s, k) (seat[s].w[k].at == NONE || SENT_IN_THIS_TICK(s, k))
#define CALM(s) (CALM_WRITE(s, 0) && CALM_WRITE(s, 1) && (seat[s].role != OFF || !MAY_COME_BACK(s)) && \
  (seat[s].role != CANDIDATE || idle[s] < 2 && !MAY_TAKE_OVER(s)) && (seat[s].role != HOLDER || idle[s] < 2) && \
  !(seat[s].role != CANDIDATE && MAY_START(s)))
#define ALL_CALM (CALM(0) && CALM(1))
#else
#define FAULTY true
#define MAY_COME_BACK(s) true
#define PACE(s) true
#define PACED(s) skip
#define PROMPT_ATTEMPT(s) true
#define TICKED skip
#define ALL_CALM true
#endif
