"""Lightning's side of a run: task, data module, schedule, stages, session, outputs."""
