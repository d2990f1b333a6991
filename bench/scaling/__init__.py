"""Where the first limit is hit as symbols grow, by calculation and by a simulation of schedules, queues and workers."""
