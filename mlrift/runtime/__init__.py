"""What runs compiled programs: choosing for this machine, starting the image, driving devices."""
