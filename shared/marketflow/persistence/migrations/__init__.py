"""Alembic's folder. Forward only: a mistake is mended by the next revision, and a snapshot takes a database back.

To change the schema, add the next file to versions/, say the same in tables.py and raise `revision.HEAD`: the tests
compare the three.
"""
