/* The state: the record in the store, the runs, the writes on their way, and what the properties look at. */

/* One write attempt of a run, from its sending to the moment when nobody waits for it and it cannot be applied any more. */
typedef Write {
  mtype at;
  mtype what;
  mtype by;
  byte age;   /* units of the sender's clock since the stamp taken before sending */
  byte epoch; /* the epoch it writes */
#ifdef NUMBERED
  byte version;     /* the version it expects; once applied: the one it made */
  bit incarnation;  /* the czxid that the sender saw; once applied: the one that the Stat of the answer carries */
#endif
#ifdef LEASE_CHANGES
  byte lease;
  bit afterCap; /* sent after, or as, the write that the cap stands for */
#endif
};

/* A seat and the run in it: lock process (role, epoch, known, seen, w) and guard with the application (app, left). */
typedef Run {
  mtype role;
  mtype app;
  byte epoch;
  byte left;  /* the guard's deadline: units of its clock from now; 0 = reached */
  byte known; /* the version the run goes by; in most builds just 1 = the current one, 0 = none or a superseded one */
  byte seen;  /* a candidate's timer: units of its clock since the answer that first showed that version */
  Write w[2]; /* w[0] is the older one */
#if defined(M2A) || defined(M2C)
  byte aux;
  bit reading;
#endif
#ifdef NUMBERED
  bit incarnation; /* of the known version */
  bit tainted;     /* won by a write on another incarnation than the one seen: waits a full lease, renewing */
#endif
#ifdef REACQ_NEW
  bit mine; /* the known version was written by the former run of this guard, whose tree is proven gone */
#endif
#ifdef LEASE_CHANGES
  byte cap; /* a shorter lease has been sent and not yet been overtaken: the deadline is no later than this */
#endif
};

Run run[SEATS];

/* The record: a linearizable register. */
mtype record = RELEASED;
byte owner = NOBODY;   /* the seat of the run it names ... */
bit ownerLives;        /* ... and whether that is the run that lives there now (ids are fresh, so there is no counter) */
byte recordEpoch;
#ifdef NUMBERED
byte version = 1;
bit incarnation;
#define CURRENT version
#else
#define CURRENT 1
#endif
#ifdef LEASE_CHANGES
byte recordLease = LEASE_MAX;
#else
#define recordLease (owner == NOBODY -> LEASE_MAX : LEASE(owner))
#endif
#ifdef DELETION
bit deleted; /* the record is deleted once at most */
#endif
#ifdef RECLAIM
byte lock[SEATS]; /* per machine: the seat + 1 whose processes hold the lock file */
bit tested[SEATS];
#define MACHINE(s) (s == 2 -> 1 : 0) /* seats 0 and 1 are on one machine, seat 2 on another */
#endif

/* What the properties look at. Not part of the system. */
byte lastEpoch; /* of the application started last */
hidden bool neverTwoApplicationsAlive = true;
hidden bool epochsOfStartsGrow = true;
hidden bool notReached = true;
#ifdef REACH
byte trail; /* how far the story that a reachability check looks for has come */
#endif
#ifdef LIVE
bit crashed;
bit acted[SEATS];
#endif

/* Scratch of the inlines below; every use is inside one d_step, so it is no state. */
hidden byte i;
hidden byte j;

#define KNOWS_CURRENT(s) (run[s].known == CURRENT && run[s].known != NO_VERSION)
/* The current version was made by an attempt that the run still tracks: reading it proves exactly that attempt (rule 4). */
#define SHOWS_ATTEMPT(s, k) (run[s].w[k].at == APPLIED && run[s].w[k].by == TRACKED)
#define SHOWS_AN_ATTEMPT(s) (SHOWS_ATTEMPT(s, 0) || SHOWS_ATTEMPT(s, 1))
#define SHOWS_RUN(s) (record != MISSING && owner == s && ownerLives && recordEpoch == run[s].epoch)
#define UNANSWERED(s, k, kind) (run[s].w[k].by == TRACKED && run[s].w[k].what == kind && \
  (run[s].w[k].at == FLYING || run[s].w[k].at == VOID))
#define HAS_FREE_WRITE(s) (run[s].w[1].at == NONE)
#define REMAINING(lease, age) ((lease) - MARGIN > (age) -> (lease) - MARGIN - (age) : 0)

inline move_write(s, from, to)
{
  run[s].w[to].at = run[s].w[from].at;
  run[s].w[to].what = run[s].w[from].what;
  run[s].w[to].by = run[s].w[from].by;
  run[s].w[to].age = run[s].w[from].age;
  run[s].w[to].epoch = run[s].w[from].epoch;
#ifdef NUMBERED
  run[s].w[to].version = run[s].w[from].version;
  run[s].w[to].incarnation = run[s].w[from].incarnation;
#endif
#ifdef LEASE_CHANGES
  run[s].w[to].lease = run[s].w[from].lease;
  run[s].w[to].afterCap = run[s].w[from].afterCap;
#endif
}

/* Forgets a write; the younger one moves up, so that equal situations are equal states. */
inline drop_write(s, k)
{
  if
  :: k == 0 -> move_write(s, 1, 0)
  :: else
  fi;
  run[s].w[1].at = NONE;
  run[s].w[1].what = NONE;
  run[s].w[1].by = NONE;
  run[s].w[1].age = 0;
  run[s].w[1].epoch = 0;
#ifdef NUMBERED
  run[s].w[1].version = 0;
  run[s].w[1].incarnation = 0;
#endif
#ifdef LEASE_CHANGES
  run[s].w[1].lease = 0;
  run[s].w[1].afterCap = 0;
#endif
}

/* The process that tracked this write is no more; the write itself may still arrive. */
inline abandon_write(s, k, why)
{
  if
  :: run[s].w[k].at == FLYING -> run[s].w[k].by = why; run[s].w[k].age = 0
  :: run[s].w[k].at != FLYING && run[s].w[k].at != NONE -> drop_write(s, k)
  :: else
  fi
}

inline abandon_writes(s, why)
{
  abandon_write(s, 1, why);
  abandon_write(s, 0, why)
}

/* Sends a write that expects the version the run knows. By the version check it is void from the start if that one is old. */
inline send(s, kind, newEpoch)
{
  j = (run[s].w[0].at == NONE -> 0 : 1);
  run[s].w[j].at = (KNOWS_CURRENT(s) || !VERSION_CHECKED -> FLYING : VOID);
  run[s].w[j].what = kind;
  run[s].w[j].by = TRACKED;
  run[s].w[j].age = 0;
  run[s].w[j].epoch = newEpoch;
#ifdef NUMBERED
  run[s].w[j].at = FLYING;
  run[s].w[j].version = run[s].known;
  run[s].w[j].incarnation = run[s].incarnation;
#endif
}

/* Nothing of the run is left; what it sent may still arrive. */
inline end_run(s)
{
  run[s].role = OFF;
  run[s].app = READY;
  run[s].epoch = 0;
  run[s].left = 0;
  run[s].known = NO_VERSION;
  run[s].seen = 0;
#if defined(M2A) || defined(M2C)
  run[s].aux = 0;
  run[s].reading = 0;
#endif
#ifdef NUMBERED
  run[s].incarnation = 0;
  run[s].tainted = 0;
#endif
#ifdef REACQ_NEW
  run[s].mine = 0;
#endif
#ifdef LEASE_CHANGES
  run[s].cap = NO_CAP;
#endif
#ifdef RECLAIM
  tested[s] = 0;
  unlock(s);
#endif
  abandon_writes(s, DEAD);
  if
  :: owner == s -> ownerLives = 0
  :: else
  fi
}
