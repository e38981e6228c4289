"""A step boundary that all processes of a job pass in the same way, for frameworks that have a group of their own."""

PAUSE_LOOK_SECONDS = 1.0  # while paused the processes meet this often, so that no collective runs into its timeout


def agreed_step(bus, rate, broadcast=None, asked=None) -> bool:
    """False in all processes when the training should end; a learning rate that was set is held in all of them.

    bus: the Producer in the first process, None in the others. rate: a LearningRate, or None. broadcast: gives every
    process the object of the first; None where there is one process only. asked: a set of actions that people asked the
    first process for; the others get them too.
    """
    if broadcast is None:
        return bus is None or bus.step()
    while True:
        state = bus._try_step(0.0) if bus is not None else "go"
        said = state, rate.held if rate is not None else None, sorted(asked or ())
        state, held, actions = broadcast(said)
        if rate is not None:
            rate.follow(held)
        if asked is not None:
            asked.update(actions)
        if state != "held":
            return state == "go"
        if bus is not None:
            bus._try_step(PAUSE_LOOK_SECONDS)
