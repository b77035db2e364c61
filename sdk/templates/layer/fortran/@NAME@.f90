! @NAME@.f90: each feature times a learned gain, bent so that it never passes a limit.
!
! in   (batch, ..., features)
! out  the same shape: limit * tanh(gain * in / limit)
!
! Near zero the layer is linear with slope `gain`; far out it saturates at the limit.
module @NAME@_layer
    use, intrinsic :: iso_c_binding
    use kaon
    implicit none
    private

    ! ORDER config: the fields of the struct in @NAME@_plugin.c
    type, bind(c) :: config
        real(c_double) :: limit
    end type

contains

    type(c_ptr) function build(g, settings, in) bind(c, name='@NAME@_build') result(out)
        type(c_ptr), value :: g, settings, in
        type(config), pointer :: c
        type(c_ptr) :: gain, scaled

        if (kaon_rank(g, in) < 2) then
            out = kaon_refuse(g, KAON_INVALID, &
                '@NAME@ needs (batch, ..., features), got ' // kaon_shape_text(g, in))
            return
        end if

        call c_f_pointer(settings, c)
        gain = kaon_param(g, 'gain', [kaon_dim(g, in, -1)], KAON_INIT_ONE)
        scaled = kaon_scale(g, kaon_op(g, 'mul', in, gain), 1 / c%limit)
        out = kaon_scale(g, kaon_op(g, 'tanh', scaled), c%limit)
    end function

end module
