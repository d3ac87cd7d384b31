/*
 * What a check may add to the base: fast reclaim on the same machine, leases that change, version numbers that come back,
 * a prompt system for liveness, reachability. In the base all of these macros say "nothing".
 */

/* --- Properties. A check asks for one or both, so that a mutant is rejected for the reason that it was made for. --- */
#if defined(ONLY_S1)
#define ASSERT_PROPERTIES assert(neverTwoApplicationsAlive)
#elif defined(ONLY_S2)
#define ASSERT_PROPERTIES assert(epochsOfStartsGrow)
#elif defined(REACH)
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

/* --- Reachability: a story is a list of events that must be able to happen in this order. --- */
#define STARTED 1
#define ORPHANED_ALIVE 2
#define RESUMED 3
#define TOOK_RELEASED 4
#define TOOK_TIMED 5
#define TOOK_AT_ONCE 6
#define APPLIED_LATE 7
#define DELETED 8
#define CONFIRMED_RENEWAL 9
#define DEADLINE_KILL 10
#define TOOK_TWICE 11
#define LENGTHENED 12
#define FOREIGN_TAKEOVER 13
#ifdef REACH
#define EVENT(e) \
  if \
  :: trail == 0 && (e) == REACH_1 -> trail = 1 \
  :: trail == 1 && (e) == REACH_2 -> trail = 2 \
  :: trail == 2 && (e) == REACH_3 -> trail = 3 \
  :: trail == 3 && (e) == REACH -> notReached = false \
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

/* --- Lease lengths that change during a run: each seat is told a length at any time, its next write carries it. --- */
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
 * --- Version numbers that come back, as ZooKeeper's do when a node is deleted and created again. A write is applied if the
 * number fits; the answer's Stat carries the czxid. CHECK_CZXID is the last sentence but one of rule 3. ---
 */
#ifdef NUMBERED
#define LEARN_CURRENT_VERSION(s) seat[s].known = version; seat[s].incarnation = incarnation
#ifndef VERSIONS
#define VERSIONS 4
#endif
#define EXPECTS_CURRENT(s, k) (record != MISSING && seat[s].w[k].version == version && version < VERSIONS)
#else
#define LEARN_CURRENT_VERSION(s) seat[s].known = CURRENT
#define EXPECTS_CURRENT(s, k) true
#endif
#ifdef CHECK_CZXID
#define SAME_INCARNATION(s) (seat[s].incarnation == incarnation)
#define FOREIGN_TAKEOVER_AT(s, k) seat[s].w[k].foreign
#else
#define SAME_INCARNATION(s) true
#define FOREIGN_TAKEOVER_AT(s, k) false
#endif
#if defined(CHECK_CZXID) && !defined(CZXID_OF_RENEWAL_UNCHECKED)
#define FOREIGN_RENEWAL_AT(s, k) seat[s].w[k].foreign
#else
#define FOREIGN_RENEWAL_AT(s, k) false
#endif

/* --- A prompt system without loss, for liveness: in each tick each run acts, and nothing is left over for the next. --- */
#ifdef LIVE
#define FAULTY false
#define MAY_COME_BACK(s) (!(crashed && s == 0))
#define MAY_POLL(s) (!acted[s])
#define AFTER_POLL(s) acted[s] = 1
#define PACE(s) (!acted[s])
#define AFTER_PACE(s) acted[s] = 1
#define PROMPT_ATTEMPT(s) (seat[s].w[0].at == NONE)
#define TICKED for (i : 0 .. SEATS - 1) { acted[i] = 0 }
#define CALM(s) (seat[s].w[0].at == NONE && seat[s].w[1].at == NONE && \
  (seat[s].role != OFF || !MAY_COME_BACK(s)) && \
  (seat[s].role != CANDIDATE || (acted[s] && !MAY_TAKE_OVER(s))) && \
  (seat[s].role != HOLDER || (acted[s] || seat[s].left == 0) && !MAY_START(s)) && \
  (seat[s].role != ORPHANED || !MAY_START(s)))
#define ALL_CALM (CALM(0) && CALM(1))
#else
#define FAULTY true
#define MAY_COME_BACK(s) true
#ifndef MAY_POLL
#define MAY_POLL(s) true
#endif
#ifndef AFTER_POLL
#define AFTER_POLL(s) skip
#endif
#define PACE(s) true
#define AFTER_PACE(s) skip
#define PROMPT_ATTEMPT(s) true
#define TICKED skip
#define ALL_CALM true
#endif
