/*
 * The lease of Holdfast as a state model for Spin. README.md says how to run it, what it covers and what not.
 *
 *   bounds.pml     numbers: seats, leases, clock rates, margins, epochs
 *   state.pml      the record, the runs, the writes on their way
 *   rules.pml      the rules as expressions, each beside its mutants
 *   extensions.pml fast reclaim, changing leases, numbered versions, liveness, reachability: nothing of it in the base
 *   store.pml      the store and the network        (process Wire, process Accident)
 *   run.pml        lock process, guard, application (process Run)
 *   clock.pml      time and the kernel's deadline   (process Clock)
 */
#include "bounds.pml"
#include "rules.pml"
#include "extensions.pml"
#include "state.pml"
#include "store.pml"
#include "run.pml"
#include "clock.pml"

init {
  byte a, b, c;
  atomic {
    d_step {
      for (i : 0 .. SEATS - 1) {
        seat[i].role = OFF;
        seat[i].app = READY;
#ifdef LIVE
        idle[i] = 1;
#endif
#ifdef LEASE_CHANGES
        seat[i].cap = NO_CAP
#endif
      };
      tidy()
    }
    start_clocks();
#ifdef DELETION
    run Accident();
#endif
    run Wire(0, 0); run Wire(0, 1);
    run Wire(1, 0); run Wire(1, 1);
    run Run(0, LEASE_0);
    run Run(1, LEASE_1);
#if SEATS > 2
    run Wire(2, 0); run Wire(2, 1);
    run Run(2, LEASE_2);
#endif
#ifdef LEASE_CHANGES
    /* The same runs: their next step may be one that says the other length. */
    run Run(0, LEASE_1);
    run Run(1, LEASE_0);
#endif
    skip
  }
}

#ifdef LIVE
/* L1: after the run in seat 0 has crashed as holder, the application of the run in seat 1 gets alive. */
ltl L1 { [] (crashed -> <> (seat[1].app == ALIVE)) }
#endif
