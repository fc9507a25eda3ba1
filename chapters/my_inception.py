"""The classes that the chapters build, for those who jump in: replace them by your own."""

import torch
from torch import nn


def conv_relu(channels, out, kernel, stride=1):
    """A convolution that keeps the grid (at stride 1), then a ReLU."""
    return nn.Sequential(nn.Conv2d(channels, out, kernel, stride, padding=kernel // 2), nn.ReLU())


class Inception(nn.Module):
    """Four branches on the same input, stacked: 1x1 | 1x1, 3x3 | 1x1, 5x5 | pool, 1x1."""

    def __init__(self, channels, n1, n3_reduce, n3, n5_reduce, n5, pool_proj, unit=conv_relu):
        super().__init__()
        self.one = unit(channels, n1, 1)
        self.three = nn.Sequential(unit(channels, n3_reduce, 1), unit(n3_reduce, n3, 3))
        self.five = nn.Sequential(unit(channels, n5_reduce, 1), unit(n5_reduce, n5, 5))
        self.pool = nn.Sequential(nn.MaxPool2d(3, 1, padding=1), unit(channels, pool_proj, 1))

    def forward(self, x):
        return torch.cat([self.one(x), self.three(x), self.five(x), self.pool(x)], dim=1)


def pool():
    return nn.MaxPool2d(3, 2, ceil_mode=True)  # rounds up: 112 becomes 56, not 55


def conv_norm_relu(channels, out, kernel, stride=1):
    conv = nn.Conv2d(channels, out, kernel, stride, padding=kernel // 2, bias=False)
    return nn.Sequential(conv, nn.BatchNorm2d(out, eps=1e-3), nn.ReLU())


class SmallGoogLeNet(nn.Module):
    """(N, 1, 28, 28) -> (N, 10)."""

    def __init__(self, num_classes=10, unit=conv_norm_relu):
        super().__init__()
        padded = nn.MaxPool2d(3, 2, padding=1)  # not pool(): the weights were trained with this
        self.stem = nn.Sequential(unit(1, 16, 3), unit(16, 48, 3), padded)
        self.block_3a = Inception(48, 16, 24, 32, 4, 8, 8, unit)
        self.block_4a = Inception(64, 48, 24, 52, 4, 12, 16, unit)
        self.block_5a = Inception(128, 64, 40, 80, 8, 32, 32, unit)
        self.pool = pool()
        self.dropout = nn.Dropout(0.4)
        self.linear = nn.Linear(208, num_classes)

    def forward(self, x):
        x = self.stem(x)  # 48, 14, 14
        x = self.block_3a(x)  # 64, 14, 14
        x = self.block_4a(self.pool(x))  # 128, 7, 7
        x = self.block_5a(self.pool(x)).mean((2, 3))  # 208
        return self.linear(self.dropout(x))  # 10
