"""Three theories of neural scaling laws as a pure library: arrays in, arrays out.

Import the part you need: `scalinglaws.fits`, `scalinglaws.networks`, `scalinglaws.shells`; nothing is imported here,
so that a job that needs no torch does not pay for it.
"""
