"""Channels of VGG-16, and the widths of its relatives (Simonyan and Zisserman 2015, Table 1, D)."""

#: Channels of the convolutions of each block; a pooling follows every block.
VGG16_BLOCKS = ((64,) * 2, (128,) * 2, (256,) * 3, (512,) * 3, (512,) * 3)
#: Channels of all 13 convolutions and of the two hidden fully connected layers.
VGG16_WIDTHS = (*(width for block in VGG16_BLOCKS for width in block), 4096, 4096)
