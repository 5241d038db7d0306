"""A day at a shopping complex, played through the real interfaces of the real service.

``plan`` decides purely what every car does, ``player`` lets it happen on a clock of its own, ``stack``
runs the service and a rail as child processes, ``report`` holds the books against what was seen.
"""
