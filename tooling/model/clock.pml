/*
 * Time, and what the kernel does by itself when a deadline is reached: no user-space code has to run for it. The kill
 * takes no time of its own here; its duration belongs to the margin.
 */

inline advance(s, units)
{
  for (j : 0 .. 1) {
    if
    :: seat[s].w[j].by == TRACKED ->
      seat[s].w[j].age = (seat[s].w[j].age + units < LEASE_CAP(s) -> seat[s].w[j].age + units : LEASE_CAP(s))
    :: else
    fi
  }
#ifdef LEASE_CHANGES
  if
  :: seat[s].cap != NO_CAP && seat[s].app == GONE -> seat[s].cap = NO_CAP
  :: seat[s].cap != NO_CAP && seat[s].app != GONE -> seat[s].cap = (seat[s].cap > units -> seat[s].cap - units : 0)
  :: else
  fi;
#endif
  seat[s].left = (seat[s].left > units -> seat[s].left - units : 0);
  if
  :: seat[s].left == 0 && seat[s].app == ALIVE && GUARD_ACTS ->
    printf("seat %d: deadline, the application is killed\n", s);
    EVENT(DEADLINE_KILL);
    seat[s].app = GONE
  :: else
  fi;
  if
  :: TIMER_RUNS(s) ->
    seat[s].seen = (seat[s].seen + units < WAIT_MAX -> seat[s].seen + units : WAIT_MAX)
  :: else
  fi
#if defined(M2A) || defined(M2C)
  if
  :: seat[s].role == CANDIDATE -> seat[s].aux = (seat[s].aux + units < WAIT_MAX -> seat[s].aux + units : WAIT_MAX)
  :: else
  fi
#endif
}

/* Ticks in which the clocks of the seats advance by a, b and c units. One process per combination that can occur. */
proctype Clock(byte a; byte b; byte c)
{
  do
  :: d_step {
      ALL_CALM ->
#if SEATS > 2
      printf("tick: +%d for seat 0, +%d for seat 1, +%d for seat 2\n", a, b, c);
#else
      printf("tick: +%d for seat 0, +%d for seat 1\n", a, b);
#endif
      advance(0, a);
      advance(1, b);
#if SEATS > 2
      advance(2, c);
#endif
      TICKED;
      tidy()
    }
  od
}

inline choose_rate(rate)
{
  rate = RATE_MIN;
  do
  :: rate + RATE_STEP <= RATE_MAX -> rate = rate + RATE_STEP
  :: break
  od
}

inline start_clocks()
{
#ifdef CONSTANT_RATES
  choose_rate(a);
  choose_rate(b);
#if SEATS > 2
  choose_rate(c);
#endif
  run Clock(a, b, c);
#else
  for (a : RATE_MIN .. RATE_MAX) {
    for (b : RATE_MIN .. RATE_MAX) {
#if SEATS > 2
      for (c : RATE_MIN .. RATE_MAX) {
        run Clock(a, b, c)
      }
#else
      run Clock(a, b, 0)
#endif
    }
  }
#ifdef M11
  run Clock(0, RATE_MIN, 0);
#endif
#endif
  a = 0;
  b = 0;
  c = 0
}
