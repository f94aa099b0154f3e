"""What the tests share: engines that execute every slice, strictly."""
