/* The state: the record in the store, the runs, the writes on their way, and what the properties look at. */

/* One write attempt of a run, from its sending to the moment when nobody waits for it and it cannot be applied any more. */
typedef Write {
  mtype at;
  mtype what;
  mtype by;
  byte age;   /* units of the sender's clock since the stamp taken before sending */
  byte epoch; /* the epoch it writes */
#ifdef NUMBERED
  byte version;    /* the number it expects; once applied: the one it made */
  bit incarnation; /* the czxid that the sender saw */
  bit foreign;     /* once applied: the Stat of the answer carries another czxid */
#endif
#ifdef LEASE_CHANGES
  byte lease;
  bit afterCap; /* sent after, or as, the write that the cap stands for */
#endif
};

/* A seat and the run in it: lock process (role, epoch, known, seen, w) and guard with the application (app, left). */
typedef Seat {
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
  bit incarnation; /* czxid of the known version */
#endif
#ifdef REACQ_NEW
  bit mine; /* the known version was written by the former run of this guard, whose tree is proven gone */
#endif
#ifdef LEASE_CHANGES
  byte cap; /* a short lease has been sent and not yet been overtaken: the deadline is no later than this */
#endif
#ifdef LVAR_INC_AT_SEND
  byte counted; /* the lease that the deadline counts with */
#endif
};

Seat seat[SEATS];

/* The record: a linearizable register. */
mtype record = RELEASED;
byte owner = NOBODY;   /* the seat of the run it names ... */
bit ownerLives;        /* ... and whether that is the run that lives there now (ids are fresh, so there is no counter) */
byte recordEpoch;
#ifdef NUMBERED
byte version = 1;
bit incarnation; /* czxid of the record that exists now */
#define CURRENT version
#else
#define CURRENT 1
#endif
#ifdef CHECK_RECORD
bit recordIncarnation; /* the incarnation that the record names */
byte highest;          /* epoch in the history */
#endif
#ifdef LEASE_CHANGES
byte recordLease = LEASE_MAX;
#else
#define recordLease (owner == NOBODY || HIT_BY_LATE_WRITE -> LEASE_MAX : LEASE(owner))
#endif
#ifdef DELETION
bit deleted; /* the record is deleted once at most */
#endif
#ifdef RECLAIM
byte lock[SEATS]; /* per machine: the seat + 1 whose processes hold the lock file */
#endif
#ifdef F1
bit tested[SEATS]; /* the run in this seat once got the lock, and let it go */
#endif

/* What the properties look at. Not part of the system. */
byte lastEpoch; /* of the application started last */
byte neverTwoApplicationsAlive = true;
byte epochsOfStartsGrow = true;
byte notReached = true;
#ifdef STORY_4
byte told = STORY_FROM; /* how far the story has come */
#endif
#ifdef LIVE
bit crashed;
byte idle[SEATS]; /* ticks since the run in this seat last read or renewed */
#endif

/* Scratch. Every use is inside one d_step and ends with tidy(), so that it makes no states of its own. */
byte i;
byte j;
inline tidy()
{
  i = 0;
  j = 0
}

#define KNOWS_CURRENT(s) (seat[s].known == CURRENT && seat[s].known != NO_VERSION && SAME_INCARNATION(s))
/* The current version was made by an attempt that the run still tracks: reading it proves exactly that attempt (rule 4). */
#define SHOWS_ATTEMPT(s, k) (seat[s].w[k].at == APPLIED && seat[s].w[k].by == TRACKED)
#define SHOWS_AN_ATTEMPT(s) (SHOWS_ATTEMPT(s, 0) || SHOWS_ATTEMPT(s, 1))
#define SHOWS_RUN(s) (record != MISSING && owner == s && ownerLives && recordEpoch == seat[s].epoch && \
  SAME_INCARNATION(s) && !HIT_BY_LATE_WRITE)
#define UNANSWERED(s, k, kind) (seat[s].w[k].by == TRACKED && seat[s].w[k].what == kind && \
  (seat[s].w[k].at == FLYING || seat[s].w[k].at == VOID))
#define MAY_SEND(s) (seat[s].w[WRITES - 1].at == NONE && (KNOWS_CURRENT(s) || VOID_WRITES_ARE_SENT))
#define REMAINING(lease, age) ((lease) - MARGIN > (age) -> (lease) - MARGIN - (age) : 0)

inline move_write(s, from, to)
{
  seat[s].w[to].at = seat[s].w[from].at;
  seat[s].w[to].what = seat[s].w[from].what;
  seat[s].w[to].by = seat[s].w[from].by;
  seat[s].w[to].age = seat[s].w[from].age;
  seat[s].w[to].epoch = seat[s].w[from].epoch;
#ifdef NUMBERED
  seat[s].w[to].version = seat[s].w[from].version;
  seat[s].w[to].incarnation = seat[s].w[from].incarnation;
  seat[s].w[to].foreign = seat[s].w[from].foreign;
#endif
#ifdef LEASE_CHANGES
  seat[s].w[to].lease = seat[s].w[from].lease;
  seat[s].w[to].afterCap = seat[s].w[from].afterCap;
#endif
}

/* Forgets a write; the younger one moves up, so that equal situations are equal states. */
inline drop_write(s, k)
{
  if
  :: k == 0 -> move_write(s, 1, 0)
  :: else
  fi;
  seat[s].w[1].at = NONE;
  seat[s].w[1].what = NONE;
  seat[s].w[1].by = NONE;
  seat[s].w[1].age = 0;
  seat[s].w[1].epoch = 0;
#ifdef NUMBERED
  seat[s].w[1].version = 0;
  seat[s].w[1].incarnation = 0;
  seat[s].w[1].foreign = 0;
#endif
#ifdef LEASE_CHANGES
  seat[s].w[1].lease = 0;
  seat[s].w[1].afterCap = 0;
#endif
}

/* The process that tracked this write is no more; the write itself may still arrive. */
inline abandon_write(s, k, why)
{
  if
  :: seat[s].w[k].at == FLYING -> seat[s].w[k].by = why; seat[s].w[k].age = 0
  :: seat[s].w[k].at != FLYING && seat[s].w[k].at != NONE -> drop_write(s, k)
  :: else
  fi
}

inline abandon_writes(s, why)
{
  abandon_write(s, 1, why);
  abandon_write(s, 0, why)
}

#ifdef RECLAIM
inline unlock(s)
{
  if
  :: HOLDS_LOCK(s) -> lock[MACHINE(s)] = 0
  :: else
  fi
}
#endif

#ifdef LEASE_CHANGES
/* A shorter lease may be honoured by candidates as soon as it is sent, so the guard is told before; and until a write that
 * was sent later is confirmed, no older one moves the deadline further. A longer lease counts when it is confirmed. */
inline announce_lease(s, k, newLease)
{
  printf("seat %d: ... with a lease of %d\n", s, newLease);
  seat[s].w[k].lease = newLease;
  seat[s].w[k].afterCap = (seat[s].cap != NO_CAP);
#ifndef LVAR_NOMIN
  if
  :: newLease == LEASE_SHORT && seat[s].w[k].what == RENEWAL ->
    seat[s].w[k].afterCap = 1;
    seat[s].w[1 - k].afterCap = 0;
    seat[s].cap = (seat[s].cap < LEASE_SHORT - MARGIN -> seat[s].cap : LEASE_SHORT - MARGIN);
    seat[s].left = (seat[s].left < seat[s].cap -> seat[s].left : seat[s].cap)
  :: else
  fi;
#endif
#ifdef LVAR_INC_AT_SEND
  if
  :: seat[s].w[k].what == RENEWAL && newLease > seat[s].counted ->
    seat[s].left = seat[s].left + newLease - seat[s].counted;
    seat[s].counted = newLease
  :: else
  fi;
#endif
  skip
}
#endif

/*
 * Sends a write that expects the version the run goes by. If that one is superseded, the version check makes the write void
 * from the start; where void writes are forgotten (extensions.pml) it is not even sent.
 */
inline send(s, kind, newEpoch)
{
  j = (seat[s].w[0].at == NONE -> 0 : 1);
  seat[s].w[j].at = (KNOWS_CURRENT(s) || !VERSION_CHECKED -> FLYING : VOID);
  seat[s].w[j].what = kind;
  seat[s].w[j].by = TRACKED;
  seat[s].w[j].age = 0;
  seat[s].w[j].epoch = newEpoch;
#ifdef NUMBERED
  seat[s].w[j].at = FLYING;
  seat[s].w[j].version = seat[s].known;
  seat[s].w[j].incarnation = seat[s].incarnation;
#endif
#ifdef LEASE_CHANGES
  announce_lease(s, j, lease);
#endif
  tidy()
}

/* Nothing of the run is left; what it sent may still arrive. */
inline end_run(s)
{
  seat[s].role = OFF;
  seat[s].app = READY;
  seat[s].epoch = 0;
  seat[s].left = 0;
  seat[s].known = NO_VERSION;
  seat[s].seen = 0;
#if defined(M2A) || defined(M2C)
  seat[s].aux = 0;
  seat[s].reading = 0;
#endif
#ifdef NUMBERED
  seat[s].incarnation = 0;
#endif
#ifdef REACQ_NEW
  seat[s].mine = 0;
#endif
#ifdef LEASE_CHANGES
  seat[s].cap = NO_CAP;
#endif
#ifdef LVAR_INC_AT_SEND
  seat[s].counted = 0;
#endif
#ifdef F1
  tested[s] = 0;
#endif
#ifdef RECLAIM
  unlock(s);
#endif
  abandon_writes(s, DEAD);
  if
  :: owner == s -> ownerLives = 0
  :: else
  fi
}
