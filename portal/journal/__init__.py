"""What people were told, outside the database: a restored backup forgets nobody (docs/decisions/0045).

A folder of segments, one a process, each line sealed with the master keys and bound to the line before.  What belongs
in it the database itself notes (migration 0062); `gathering` takes it from there.  Nothing here knows Flask or a model.
"""
