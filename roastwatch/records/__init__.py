"""A recorded roast, and the file formats that hold one."""
