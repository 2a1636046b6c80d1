// Registers of devices, and the request numbers of linux/vfio.h, which are _IO macros that Swift does not import.
#ifndef CPLATFORM_DEVICE_H
#define CPLATFORM_DEVICE_H

#include <linux/vfio.h>
#include <stdint.h>

// Registers of a device mapped into the process. Every access is made, once, in the width that is asked for, and in the
// order of the program among accesses to the same device. A read is not passed by later reads of memory that the device
// wrote before; a write does not pass earlier writes to memory that the device is to read.
#if defined(__x86_64__)
// The processor keeps that order by itself for these kinds of memory; the compiler has to.
#define CPLATFORM_BEFORE_WRITE() __asm__ volatile("" ::: "memory")
#define CPLATFORM_AFTER_READ() __asm__ volatile("" ::: "memory")
#else
#define CPLATFORM_BEFORE_WRITE() __asm__ volatile("dmb oshst" ::: "memory")
#define CPLATFORM_AFTER_READ() __asm__ volatile("dmb oshld" ::: "memory")
#endif

#define CPLATFORM_REGISTER(bits)                                                                          \
  static inline uint##bits##_t cplatform_register_read##bits(const void *address) {                       \
    uint##bits##_t value = *(const volatile uint##bits##_t *)address;                                     \
    CPLATFORM_AFTER_READ();                                                                               \
    return value;                                                                                         \
  }                                                                                                       \
  static inline void cplatform_register_write##bits(void *address, uint##bits##_t value) {                \
    CPLATFORM_BEFORE_WRITE();                                                                             \
    *(volatile uint##bits##_t *)address = value;                                                          \
  }
CPLATFORM_REGISTER(8)
CPLATFORM_REGISTER(16)
CPLATFORM_REGISTER(32)
CPLATFORM_REGISTER(64)
#undef CPLATFORM_REGISTER

static const unsigned long CPLATFORM_VFIO_GET_API_VERSION = VFIO_GET_API_VERSION;
static const unsigned long CPLATFORM_VFIO_CHECK_EXTENSION = VFIO_CHECK_EXTENSION;
static const unsigned long CPLATFORM_VFIO_SET_IOMMU = VFIO_SET_IOMMU;
static const unsigned long CPLATFORM_VFIO_GROUP_GET_STATUS = VFIO_GROUP_GET_STATUS;
static const unsigned long CPLATFORM_VFIO_GROUP_SET_CONTAINER = VFIO_GROUP_SET_CONTAINER;
static const unsigned long CPLATFORM_VFIO_GROUP_GET_DEVICE_FD = VFIO_GROUP_GET_DEVICE_FD;
static const unsigned long CPLATFORM_VFIO_DEVICE_GET_INFO = VFIO_DEVICE_GET_INFO;
static const unsigned long CPLATFORM_VFIO_DEVICE_GET_REGION_INFO = VFIO_DEVICE_GET_REGION_INFO;
static const unsigned long CPLATFORM_VFIO_DEVICE_GET_IRQ_INFO = VFIO_DEVICE_GET_IRQ_INFO;
static const unsigned long CPLATFORM_VFIO_DEVICE_SET_IRQS = VFIO_DEVICE_SET_IRQS;
static const unsigned long CPLATFORM_VFIO_DEVICE_RESET = VFIO_DEVICE_RESET;
static const unsigned long CPLATFORM_VFIO_IOMMU_GET_INFO = VFIO_IOMMU_GET_INFO;
static const unsigned long CPLATFORM_VFIO_IOMMU_MAP_DMA = VFIO_IOMMU_MAP_DMA;
static const unsigned long CPLATFORM_VFIO_IOMMU_UNMAP_DMA = VFIO_IOMMU_UNMAP_DMA;

#endif
