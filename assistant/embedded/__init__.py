"""Real Postgres and Redis from wheels, and the processes of `cloister up`.

up          what `cloister up` does, in order; the only public way in
plan        the ordered list of processes, each with its own environment
supervisor  starts that list, keeps it running, ends it in order
postgres redis                   prepare a data folder and describe the server as a `Program`; both are a `server`
program account wheels folders   start a process, as whom, from where, writing where
exit_status checks backoff logs ready addresses    one small idea each
"""
