"""Where pictures of cars are kept, outside of every store of ours."""
