/*
 * A run: the lock process, and the guard with the application. Every step is optional and may be delayed for ever, which
 * is SIGSTOP, a slow disk, a slow network; the one thing that cannot be delayed is the guard's deadline (clock.pml).
 */

/* "May it start?" and the start are one step of the guard (rule 2); S1 and S2 are judged here. */
inline start_application(s)
{
  printf("seat %d: APPLICATION STARTS, epoch %d, %d units left\n", s, seat[s].epoch, seat[s].left);
  for (i : 0 .. SEATS - 1) {
    if
    :: i != s && seat[i].app == ALIVE -> neverTwoApplicationsAlive = false
    :: else
    fi
  }
  if
  :: seat[s].epoch < lastEpoch || (STRICT && seat[s].epoch == lastEpoch) -> epochsOfStartsGrow = false
  :: else
  fi;
  tidy();
  seat[s].app = ALIVE;
  lastEpoch = seat[s].epoch;
  LOCK_AT_START(s);
  EVENT(STARTED);
  ASSERT_PROPERTIES
}

/* `lease` is the length that its next write says; only where leases change is there more than one (lease.pml). */
proctype Run(byte s; byte lease)
{
  do
  /* A run starts, with a fresh id, and is a candidate. It knows nothing. */
  :: d_step {
      seat[s].role == OFF && MAY_COME_BACK(s) ->
      if
      :: FINDS_ITS_ID(s) ->
        printf("seat %d: a run starts under the id of the former one and resumes epoch %d\n", s, recordEpoch);
        seat[s].role = HOLDER;
        seat[s].epoch = recordEpoch;
        seat[s].known = CURRENT;
        ownerLives = 1
      :: else ->
        printf("seat %d: a run starts\n", s);
        seat[s].role = CANDIDATE
      fi
    }

  /* CANDIDATE */

  /* Rule 3: an answer arrives and shows the current version; if that is another than before, the timer starts now. */
  :: d_step {
      seat[s].role == CANDIDATE && record != MISSING && !SHOWS_AN_ATTEMPT(s) && ANSWER_ARRIVES(s) && PACE(s) ->
      if
      :: !KNOWS_CURRENT(s) ->
        printf("seat %d: sees %e, epoch %d, of seat %d; starts its timer\n", s, record, recordEpoch, owner);
        LEARN_CURRENT_VERSION(s);
        seat[s].seen = SEEN_AT_FIRST(s)
      :: else -> POLL_AGAIN(s)
      fi;
      ANSWER_HAS_ARRIVED(s);
      PACED(s)
    }
  /* An answer that is stale shows an older version, so another one: the timer starts on that, for nothing. */
  :: d_step {
      FAULTY && seat[s].role == CANDIDATE && seat[s].known != NO_VERSION ->
      printf("seat %d: reads an old version\n", s);
      seat[s].known = NO_VERSION;
      seat[s].seen = AFTER_STALE(s);
      FORGET_MINE(s)
    }
  /* Rule 3: takes over what is released at once, anything else when the timer is done. May be sent twice (rule 4). */
  :: d_step {
      MAY_TAKE_OVER(s) ->
      printf("seat %d: sends TAKEOVER, epoch %d\n", s, NEXT_EPOCH);
      EVENT((IS_RELEASED -> TOOK_RELEASED : (seat[s].seen >= WAIT(s) -> TOOK_TIMED : TOOK_AT_ONCE)));
      send(s, TAKEOVER, NEXT_EPOCH)
    }
#ifdef REMEMBER_VOID
  /* Rule 4: a stale re-read shows the version that an earlier attempt expected, so the takeover is sent again. */
  :: d_step {
      seat[s].role == CANDIDATE && !KNOWS_CURRENT(s) && MAY_SEND(s) ->
      printf("seat %d: sends TAKEOVER once more after a stale read\n", s);
      send(s, TAKEOVER, recordEpoch)
    }
#endif
#ifdef DELETION
  /* Rule 7: a missing record is created held by nobody, which grants nothing: its creator is one candidate of many. */
  :: d_step {
      seat[s].role == CANDIDATE && record == MISSING ->
      printf("seat %d: creates the record, held by nobody, epoch %d\n", s, EPOCH_OF_NEW_RECORD);
      record = HELD;
      recordEpoch = EPOCH_OF_NEW_RECORD;
#ifdef NUMBERED
      version = 1;
      incarnation = 1;
#endif
#ifdef CHECK_RECORD
      recordIncarnation = 1;
#endif
      CREATOR_HOLDS(s)
    }
#endif

#ifdef M2C
  :: d_step {
      seat[s].role == CANDIDATE && !seat[s].reading ->
      printf("seat %d: sends a read\n", s);
      seat[s].reading = 1;
      seat[s].aux = 0
    }
#endif
#ifdef RECLAIM
  :: d_step {
      seat[s].role == CANDIDATE && LOCK_IS_FREE(s) && !PROVED(s) ->
      printf("seat %d: gets the lock of machine %d\n", s, MACHINE(s));
#ifdef F1
      tested[s] = 1
#else
      lock[MACHINE(s)] = s + 1
#endif
    }
#endif
#ifdef F4
  :: d_step {
      seat[s].role == ORPHANED && seat[s].app == ALIVE && HOLDS_LOCK(s) ->
      printf("seat %d: all but a daemon without the lock has ended\n", s);
      unlock(s)
    }
#endif

  /* HOLDER */

  :: d_step {
      seat[s].role == HOLDER && MAY_SEND(s) && MAY_RENEW(s) && PACE(s) ->
      printf("seat %d: sends RENEWAL\n", s);
      send(s, RENEWAL, seat[s].epoch);
      PACED(s)
    }
  /* Rule 4: a re-read that shows this run, but no attempt that it tracks, tells the version to go by and nothing else. */
  :: d_step {
      seat[s].role == HOLDER && !KNOWS_CURRENT(s) && SHOWS_RUN(s) && !SHOWS_AN_ATTEMPT(s) ->
      printf("seat %d: re-reads the current version\n", s);
      LEARN_CURRENT_VERSION(s)
    }
#ifdef M7
  :: d_step {
      seat[s].role == HOLDER && seat[s].left > 0 && seat[s].left < LEASE(s) - MARGIN ->
      printf("seat %d: takes a stale read of its own id for proof of life\n", s);
      seat[s].left = LEASE(s) - MARGIN
    }
#endif
#ifdef M7B
  :: d_step {
      seat[s].role == HOLDER && SHOWS_RUN(s) && seat[s].left > 0 && seat[s].left < LEASE(s) - MARGIN ->
      printf("seat %d: takes a read of its own id for proof of life\n", s);
      seat[s].left = LEASE(s) - MARGIN
    }
#endif
#ifdef M10
  :: d_step {
      seat[s].role == HOLDER && seat[s].app == READY && seat[s].left > 0 ->
      printf("seat %d: checks that it may start\n", s);
      seat[s].app = CHECKED
    }
#endif
  /* The guard starts the application; it needs no lock process for that. */
  :: d_step { (seat[s].role == HOLDER || seat[s].role == ORPHANED) && MAY_START(s) -> start_application(s) }
  /* The application ends by itself or is stopped, until nothing of the tree is left. */
  :: d_step {
      FAULTY && seat[s].role == HOLDER && seat[s].app == ALIVE ->
      printf("seat %d: the application ends\n", s);
      seat[s].app = GONE;
      seat[s].left = AFTER_STOP(s)
    }
#ifdef M15
  :: d_step {
      seat[s].role == HOLDER && seat[s].app == ALIVE && seat[s].left == 0 ->
      printf("seat %d: the run notices that its deadline has passed and kills\n", s);
      seat[s].app = GONE
    }
#endif
  /* Rule 6. */
  :: d_step {
      FAULTY && seat[s].role == HOLDER && MAY_SEND(s) && MAY_RELEASE(s) ->
      printf("seat %d: sends RELEASE\n", s);
      send(s, RELEASE, seat[s].epoch);
      seat[s].app = AFTER_RELEASE(s);
      if
      :: seat[s].app == GONE -> seat[s].left = 0
      :: else
      fi
    }
#ifdef CHECK_STAT
  /* Rule 3: won, by the Stat of the answer, on another incarnation than the one looked at: a full lease, renewing. */
  :: d_step {
      seat[s].role == HOLDER && seat[s].app == WAITING && seat[s].seen >= WAIT_FOR(LEASE_MAX) ->
      printf("seat %d: has waited a full lease\n", s);
      seat[s].app = READY;
      seat[s].seen = 0
    }
#endif
#ifdef REACQ_NEW
  /* Rule 4: its tree gone, the guard takes over its own current version at once, as a new run. */
  :: d_step {
      seat[s].role == HOLDER && KNOWS_CURRENT(s) && SHOWS_RUN(s) && (seat[s].app == GONE || (seat[s].app == READY && seat[s].left == 0)) ->
      printf("seat %d: nothing of it is alive, goes on as a new run\n", s);
      end_run(s);
      seat[s].role = CANDIDATE;
      seat[s].known = CURRENT;
      seat[s].mine = 1
    }
#endif

  /* ENDINGS */

#ifdef LIVE
  :: d_step {
      s == 0 && seat[s].role == HOLDER && !crashed ->
      printf("seat 0: crashes, and its application with it\n");
      crashed = 1;
      end_run(s);
      idle[s] = 0
    }
  :: d_step {
      s == 0 && seat[s].role == HOLDER && !crashed ->
      printf("seat 0: crashes, its application lives on under the guard\n");
      crashed = 1;
      seat[s].role = ORPHANED;
      seat[s].known = NO_VERSION;
      abandon_writes(s, FORMER);
      idle[s] = 0
    }
#endif

  /* Everything of the run ends: crash, giving up, or a loss seen in a re-read (a higher epoch, another run, no record). */
  :: d_step {
      FAULTY && seat[s].role != OFF ->
      printf("seat %d: everything ends\n", s);
      end_run(s)
    }
  /* Only the lock process dies. The application lives on under the guard's deadline. */
  :: d_step {
      FAULTY && seat[s].role == HOLDER ->
      printf("seat %d: the lock process dies, %d units left\n", s, seat[s].left);
      EVENT((seat[s].app == ALIVE -> ORPHANED_ALIVE : NONE));
      seat[s].role = ORPHANED;
      LOCK_WITHOUT_LOCK_PROCESS(s);
      seat[s].known = NO_VERSION;
      abandon_writes(s, FORMER)
    }
  /* The guard restarts it: it resumes the epoch, but has no stamp and no attempt of its own (rule 2). */
  :: d_step {
      FAULTY && seat[s].role == ORPHANED ->
      printf("seat %d: the lock process is back\n", s);
      EVENT(RESUMED);
      seat[s].role = HOLDER
    }
  od
}
