! layout.f90: tells layout_test.c where the Fortran types of kaon.f90 have their fields.
module layout
    use, intrinsic :: iso_c_binding
    use kaon
    implicit none
    private

contains

    integer(c_int64_t) function from(base, field)
        type(c_ptr), intent(in) :: base, field
        from = transfer(field, 0_c_int64_t) - transfer(base, 0_c_int64_t)
    end function

    ! ORDER layout: the rows of layout_test.c
    subroutine layout_of_types(offsets) bind(c)
        integer(c_int64_t), intent(out) :: offsets(*)
        type(kaon_attr), target :: a
        type(kaon_variable), target :: v
        type(kaon_view), target :: w
        type(kaon_graph_api), target :: g
        offsets(1:4) = [c_sizeof(a), c_sizeof(v), c_sizeof(w), c_sizeof(g)]
        offsets(5:11) = [from(c_loc(a), c_loc(a%kind)), from(c_loc(a), c_loc(a%name)), &
            from(c_loc(a), c_loc(a%integer)), from(c_loc(a), c_loc(a%number)), &
            from(c_loc(a), c_loc(a%count)), from(c_loc(a), c_loc(a%at)), from(c_loc(a), c_loc(a%text))]
        offsets(12:19) = [from(c_loc(v), c_loc(v%dtype)), from(c_loc(v), c_loc(v%name)), &
            from(c_loc(v), c_loc(v%rank)), from(c_loc(v), c_loc(v%init)), &
            from(c_loc(v), c_loc(v%shape)), from(c_loc(v), c_loc(v%scale)), &
            from(c_loc(v), c_loc(v%flags)), from(c_loc(v), c_loc(v%fan_axis))]
        offsets(20:27) = [from(c_loc(w), c_loc(w%dtype)), from(c_loc(w), c_loc(w%device_type)), &
            from(c_loc(w), c_loc(w%device_id)), from(c_loc(w), c_loc(w%rank)), &
            from(c_loc(w), c_loc(w%flags)), from(c_loc(w), c_loc(w%data)), &
            from(c_loc(w), c_loc(w%shape)), from(c_loc(w), c_loc(w%strides))]
        offsets(28:38) = [from(c_loc(g), c_loc(g%apply)), from(c_loc(g), c_loc(g%output)), &
            from(c_loc(g), c_loc(g%constant)), from(c_loc(g), c_loc(g%variable)), &
            from(c_loc(g), c_loc(g%rank)), from(c_loc(g), c_loc(g%dim)), &
            from(c_loc(g), c_loc(g%dtype)), from(c_loc(g), c_loc(g%shape_text)), &
            from(c_loc(g), c_loc(g%float_type)), from(c_loc(g), c_loc(g%training)), &
            from(c_loc(g), c_loc(g%refuse))]
    end subroutine

    ! ORDER constants: the rows of layout_test.c
    subroutine layout_of_constants(values) bind(c)
        integer(c_int64_t), intent(out) :: values(*)
        values(1:7) = [KAON_OK, KAON_INVALID, KAON_NOT_FOUND, KAON_UNSUPPORTED, KAON_NO_MEMORY, KAON_IO, &
            KAON_CORRUPT]
        values(8:14) = [KAON_F32, KAON_F64, KAON_F16, KAON_BF16, KAON_I32, KAON_I64, KAON_BOOL]
        values(15:20) = [KAON_INIT_ZERO, KAON_INIT_ONE, KAON_INIT_NORMAL, KAON_INIT_UNIFORM, &
            KAON_INIT_GLOROT, KAON_INIT_HE]
    end subroutine

end module
