# Copyright: Contributors to the Vigie project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Metrics of ZEO servers, which serve ZODB object databases to their clients.

The exporter needs no account and no code of ZEO: every ZEO server since ZEO 4 answers the question `ruok` with its statistics.
"""
