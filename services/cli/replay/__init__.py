"""Past events through the very code of scoring and rules, in one process, on the event clock: no broker and no store."""
