/*
 * The store, a linearizable register with version-checked writes, and the network between a run and the store. A write
 * is FLYING for as long as it likes: it is applied late, or lost, before or after being applied, whatever its sender does
 * meanwhile. A reply and a re-read that shows the very attempt say the same, so they are one step ("the run learns").
 */

/* Every other version is old now, and so is every write that expects one. */
inline supersede()
{
  for (i : 0 .. SEATS - 1) {
#ifdef SUPERSEDED_IS_SEEN
    seat[i].known = NO_VERSION;
#if !defined(M2B)
    seat[i].seen = 0; /* a timer that runs on an old version cannot matter: its takeover will be refused */
#endif
#endif
#ifdef REACQ_NEW
    seat[i].mine = 0;
#endif
    for (j : 0 .. 1) {
      if
      :: seat[i].w[1 - j].at == APPLIED -> seat[i].w[1 - j].at = SUPERSEDED
      :: seat[i].w[1 - j].at == APPLYING -> seat[i].w[1 - j].at = APPLIED
      :: seat[i].w[1 - j].at == FLYING && OUTDATED(i, 1 - j) -> seat[i].w[1 - j].at = VOID
      :: else
      fi;
      if
      :: seat[i].w[1 - j].at == VOID && FORGOTTEN(i, 1 - j) -> drop_write(i, 1 - j)
      :: else
      fi
    }
  };
  tidy()
}

/* Rule 1: the register changes. That the expected version is the current one is what FLYING says (see supersede). */
inline apply(s, k)
{
  printf("store: %e (epoch %d) of seat %d is applied\n", seat[s].w[k].what, seat[s].w[k].epoch, s);
  record = (seat[s].w[k].what == RELEASE -> RELEASED : HELD);
  owner = s;
  ownerLives = (seat[s].w[k].by != DEAD);
  recordEpoch = seat[s].w[k].epoch;
#ifdef LEASE_CHANGES
  recordLease = seat[s].w[k].lease;
#endif
#ifdef NUMBERED
  version++;
  seat[s].w[k].version = version;
  seat[s].w[k].foreign = (seat[s].w[k].incarnation != incarnation);
#endif
  EVENT((IS_FOREIGN(s, k) -> APPLIED_FOREIGN : (seat[s].w[k].by == DEAD -> APPLIED_LATE : NONE)));
#ifdef CHECK_RECORD
  recordIncarnation = seat[s].w[k].incarnation;
  highest = (recordEpoch > highest -> recordEpoch : highest);
#endif
  seat[s].w[k].at = (seat[s].w[k].by == TRACKED -> APPLYING : VOID);
  supersede()
}

/* The run goes by the version that its write made. If that is superseded already, it is of no use. */
inline know_own_version(s, k)
{
  if
  :: seat[s].w[k].at == APPLIED -> LEARN_CURRENT_VERSION(s)
  :: else
  fi
}

/* Rule 2: a confirmed renewal moves the deadline. A guard that has fired does not come back. */
inline move_deadline(s, k)
{
  j = REMAINING(LEASE_OF_WRITE(s, k), RENEWAL_AGE(s, k));
#ifdef LEASE_CHANGES
  if
  :: seat[s].w[k].afterCap ->
    EVENT((seat[s].w[k].lease == LEASE_LONG -> LENGTHENED : NONE));
    seat[s].cap = NO_CAP;
    seat[s].w[0].afterCap = 0;
    seat[s].w[1].afterCap = 0
  :: !seat[s].w[k].afterCap && seat[s].cap < j -> j = seat[s].cap
  :: else
  fi;
#ifdef LVAR_INC_AT_SEND
  seat[s].counted = seat[s].w[k].lease;
#endif
  if
  :: seat[s].app != GONE -> seat[s].left = j
  :: else
  fi;
#else
#ifdef REACQ_SAME
  if
  :: seat[s].app == GONE && j > 0 -> seat[s].app = READY
  :: else
  fi;
#endif
  if
  :: seat[s].app != GONE && j > seat[s].left -> seat[s].left = j
  :: else
  fi;
#endif
  tidy()
}

/* Rules 2 and 4: an attempt of this run was applied, the run learns it and goes by the stamp of exactly that attempt. */
inline confirm(s, k)
{
  printf("seat %d: its %e (epoch %d), sent %d units ago, is confirmed\n",
    s, seat[s].w[k].what, seat[s].w[k].epoch, seat[s].w[k].age);
  if
  :: seat[s].w[k].what == TAKEOVER && seat[s].role == CANDIDATE && TAKEOVER_COUNTS(s, k) ->
    seat[s].role = HOLDER;
    seat[s].epoch = seat[s].w[k].epoch;
    seat[s].app = (REFUSED_AS_FOREIGN(s, k) -> WAITING : READY);
    seat[s].left = REMAINING(LEASE_OF_WRITE(s, k), TAKEOVER_AGE(s, k));
    seat[s].seen = 0;
    seat[s].known = VERSION_AS_HOLDER(s);
#ifdef LVAR_INC_AT_SEND
    seat[s].counted = seat[s].w[k].lease;
#endif
    know_own_version(s, k)
  :: seat[s].w[k].what == RENEWAL && seat[s].role == HOLDER && !REFUSED_AS_FOREIGN(s, k) ->
    EVENT(CONFIRMED_RENEWAL);
    move_deadline(s, k);
    know_own_version(s, k)
  :: else /* a release, or a takeover of a run that holds an older epoch already and so has lost: nothing follows */
  fi;
  /* Older attempts are no longer asked about: t0 is the stamp of the youngest that is known to have been applied. */
  abandon_write(s, k, FORMER);
  if
  :: k == 1 && seat[s].w[0].by == TRACKED -> abandon_write(s, 0, FORMER)
  :: else
  fi
}

/* One write of a seat, on its way there and its answer on its way back. */
proctype Wire(byte s; byte k)
{
  do
  :: d_step { seat[s].w[k].at == FLYING && EXPECTS_CURRENT(s, k) -> apply(s, k) }
  :: d_step {
      seat[s].w[k].by == TRACKED && (seat[s].w[k].at == APPLIED || seat[s].w[k].at == SUPERSEDED) ->
      confirm(s, k)
    }
  :: d_step {
      FAULTY && seat[s].w[k].at == FLYING ->
      printf("network: %e (epoch %d) of seat %d is lost before being applied\n", seat[s].w[k].what, seat[s].w[k].epoch, s);
      seat[s].w[k].at = VOID;
      if
      :: FORGOTTEN(s, k) -> drop_write(s, k)
      :: else
      fi
    }
  :: d_step {
      /* Refused, or the reply is lost and no re-read ever shows this attempt: nothing follows from it. */
      FAULTY && seat[s].w[k].by == TRACKED && seat[s].w[k].at != FLYING ->
      printf("seat %d: gives up on its %e (epoch %d)\n", s, seat[s].w[k].what, seat[s].w[k].epoch);
      drop_write(s, k)
    }
#ifdef M5
  :: d_step {
      seat[s].role == HOLDER && UNANSWERED(s, k, RENEWAL) ->
      printf("seat %d: takes its unanswered renewal for a success\n", s);
      confirm(s, k)
    }
#endif
#ifdef M5B
  :: d_step {
      seat[s].role == HOLDER && SHOWS_RUN(s) && UNANSWERED(s, k, RENEWAL) ->
      printf("seat %d: re-reads, sees its run id, takes its unanswered renewal for a success\n", s);
      confirm(s, k)
    }
#endif
#ifdef M9A
  :: d_step {
      seat[s].role == CANDIDATE && UNANSWERED(s, k, TAKEOVER) ->
      printf("seat %d: takes its unanswered takeover for a success\n", s);
      confirm(s, k)
    }
#endif
  od
}

#ifdef DELETION
/* Somebody deletes the record, or the store is lost. */
proctype Accident()
{
  d_step {
    !deleted ->
    printf("store: the record is deleted\n");
    EVENT(DELETED);
    deleted = 1;
    record = MISSING;
    owner = NOBODY;
    ownerLives = 0;
#ifdef NUMBERED
    version = NO_VERSION;
#endif
    supersede()
  }
}
#endif
