/* The store and the network. */

/* Every other version is old now, and so is every write that expects one. */
inline supersede()
{
  for (i : 0 .. SEATS - 1) {
#ifndef NUMBERED
    run[i].known = NO_VERSION;
#if !defined(M2B)
    run[i].seen = 0;
#endif
#endif
#ifdef REACQ_NEW
    run[i].mine = 0;
#endif
    for (j : 0 .. 1) {
      if
      :: run[i].w[1 - j].at == APPLIED -> run[i].w[1 - j].at = SUPERSEDED
#ifndef NUMBERED
      :: run[i].w[1 - j].at == FLYING && VERSION_CHECKED -> run[i].w[1 - j].at = VOID
#endif
      :: else
      fi;
      if
      :: run[i].w[1 - j].at == VOID && run[i].w[1 - j].by != TRACKED -> drop_write(i, 1 - j)
      :: else
      fi
    }
  }
}
